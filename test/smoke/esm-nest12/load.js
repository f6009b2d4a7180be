import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler, TasksModule } from 'nestjs-tasks';

const app = await NestFactory.createApplicationContext(TasksModule.forRoot(), { logger: false });
console.log(await app.get(TaskScheduler).schedule(Math.max, 1, 2).result());
await app.close();
