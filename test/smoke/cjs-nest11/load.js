require('reflect-metadata');
const { NestFactory } = require('@nestjs/core');
const { TaskScheduler, TasksModule } = require('nestjs-tasks');

async function main() {
  const app = await NestFactory.createApplicationContext(TasksModule.forRoot(), { logger: false });
  console.log(await app.get(TaskScheduler).schedule(Math.max, 1, 2).result());
  await app.close();
}

void main();
