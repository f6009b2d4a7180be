import { Injectable, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Durable, Logged, TaskContext, TaskQueue, TasksModule, type TaskQueueOptions } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { check, scenario } from './check.js';

@Injectable()
class Orders {
  constructor(private readonly context: TaskContext) {}

  @Durable('orders.ship', { retry: { attempts: 2, delay: '1h' } })
  ship(@Logged() id: string, at: Date): string {
    if (this.context.attempt === 1 && id === 'late') throw new Error('no carrier');
    return `${id} on ${at.toISOString()} in attempt ${this.context.attempt}`;
  }
}

function moduleWith(queue: TaskQueueOptions): new () => object {
  class AppModule {}
  Module({ imports: [TasksModule.forRoot({ queue })], providers: [Orders] })(AppModule);
  return AppModule;
}

/** One attempt fails, as it should. */
const SILENT = { log: () => {}, error: () => {}, warn: () => {} };

void scenario(async () => {
  await check('a durable task runs in memory', ['ada on 1970-01-01T00:00:00.000Z in attempt 1'], async (write) => {
    const app = await NestFactory.createApplicationContext(moduleWith({}), { logger: false });
    const execution = await app.get(TaskQueue).add(app.get(Orders).ship, { key: 'order:ada' })('ada', new Date(0));
    write(await execution.result());
    await app.close();
  });

  const shown = ["orders.ship(id='ada', at=…)", 'completed'];
  await check('each run is a line at level debug, where no levels were set', shown, async (write) => {
    const debug = (line: string): void => write(/orders\.ship\(id.*\)|completed/.exec(line)?.[0] ?? line);
    const app = await NestFactory.createApplicationContext(moduleWith({}), { logger: { ...SILENT, debug } });
    const execution = await app.get(TaskQueue).add(app.get(Orders).ship, { key: 'ada' })('ada', new Date(0));
    await execution.result();
    await app.close();
    Logger.overrideLogger(false);
  });

  await check('a test moves the time', ['late on 1970-01-01T00:00:00.000Z in attempt 2'], async (write) => {
    const builder = Test.createTestingModule({ imports: [moduleWith({})] }).setLogger(SILENT);
    const queue = TestQueue.install(builder);
    const module = await builder.compile();
    await module.init();
    const execution = await module.get(TaskQueue).add('orders.ship')('late', new Date(0));
    await queue.runUntilFinished();
    write(String(await execution.result()));
    await module.close();
  });

  for (const [url, packages] of [
    ['redis://127.0.0.1:1', 'bullmq ioredis'],
    ['postgres://127.0.0.1:1/none', 'bullmq pg'],
  ] as const) {
    await check(`${url} says what to install`, [`DRIVER_MISSING npm install ${packages}`], async (write) => {
      try {
        await NestFactory.createApplicationContext(moduleWith({ url }), { logger: false, abortOnError: false });
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        write(`${code} ${/npm install [\w ]+/.exec(message)?.[0]}`);
      }
    });
  }
});
