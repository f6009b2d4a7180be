import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler, TasksModule } from 'nestjs-tasks';
import { join } from 'node:path';
import { AppModule } from './app.module.js';

/** Each scene prints one line. */
const SCENES = {
  async http(): Promise<string> {
    const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const answer = await fetch(`${url}/orders/Ada`, { method: 'POST' });
    await app.get(TaskScheduler).idle();
    const sent = await fetch(`${url}/orders/sent`);
    const lines = [await answer.text(), await sent.text()];
    await app.close();
    return lines.join('; ');
  },

  async thread(): Promise<string> {
    const app = await NestFactory.createApplicationContext(TasksModule.forRoot(), { logger: false });
    try {
      const thread = { file: join(process.cwd(), 'twice.cjs'), export: 'twice' };
      return String(await app.get(TaskScheduler).task({ thread }).schedule(21).result());
    } finally {
      await app.close();
    }
  },

  /** Nothing connects: no task is declared. */
  async redis(): Promise<string> {
    const tasks = TasksModule.forRoot({ queue: { url: 'redis://127.0.0.1:1', worker: false } });
    const app = await NestFactory.createApplicationContext(tasks, { logger: false, abortOnError: false });
    await app.close();
    return 'started';
  },
};

async function bootstrap(): Promise<void> {
  for (const [name, scene] of Object.entries(SCENES)) {
    const line = await scene().catch((error) => `${error.code}: ${error.message}`);
    console.log(`${name}: ${line}`);
  }
}
bootstrap();
