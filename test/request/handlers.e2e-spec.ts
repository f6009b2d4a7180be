import type http from 'node:http';
import { setImmediate as macrotask } from 'node:timers/promises';
import { All, Controller, Get, Injectable, Module, Next, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Durable,
  OnTaskError,
  Shielded,
  TaskQueue,
  Tasks,
  TaskScheduler,
  TasksModule,
  TasksService,
} from 'nestjs-tasks';
import { send, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

const journal = new Journal();

function schedule(tasks: TasksService, what: string): void {
  tasks.afterRoute.schedule(journal.write, `${what}: route`);
  tasks.afterResponse.schedule(journal.write, `${what}: response`);
}

@Injectable()
class Work {
  @Durable('handlers.work')
  work(): void {
    journal.write('durable');
  }
}

@Controller()
class ChainController {
  constructor(private readonly durable: Work) {}

  @Shielded()
  @All('chain/*path')
  first(@Next() next: () => void, @Tasks() tasks: TasksService): void {
    schedule(tasks, 'first');
    next();
  }

  @Get('chain/well')
  async well(@Tasks() tasks: TasksService) {
    schedule(tasks, 'second');
    tasks.afterRoute.schedule(() => journal.write(`shielded: ${String(this.shieldedOf(tasks))}`));
    await macrotask();
    journal.write('second returns');
  }

  @Get('chain/badly')
  async badly(@Tasks() tasks: TasksService) {
    schedule(tasks, 'second');
    tasks.afterRoute.enqueue(this.durable.work)();
    await macrotask();
    throw new Error('declined');
  }

  @Get('handed-on')
  handedOn(@Next() next: (error: Error) => void, @Tasks() tasks: TasksService): void {
    tasks.afterResponse.schedule(journal.write, 'response');
    tasks.afterResponse.task({ runOn: 'error' }).schedule(journal.write, 'response of failure');
    next(new Error('declined'));
  }

  private shieldedOf(tasks: TasksService): boolean {
    return tasks.schedule(() => {}).shielded;
  }
}

describe('two handlers of one request', () => {
  let test: WatchedApp;

  beforeAll(async () => {
    test = await startApp({ controllers: [ChainController], providers: [Work] });
  });
  afterAll(() => test.app.close());

  async function settled(): Promise<string[]> {
    await test.tasks.idle();
    await test.app.get(TaskQueue).runUntilFinished();
    return journal.take();
  }

  it('have their own tasks, options and ends', async () => {
    expect((await send(`${test.url}/chain/well`)).status).toBe(200);
    expect(await settled()).toEqual([
      'first: route',
      'second returns',
      'second: route',
      'shielded: false',
      'first: response',
      'second: response',
    ]);
  });

  it('fail apart; the response that the second has made an error is seen by both', async () => {
    expect((await send(`${test.url}/chain/badly`)).status).toBe(500);
    expect(await settled()).toEqual(['first: route']);
  });

  it('see an error that is handed on', async () => {
    expect((await send(`${test.url}/handed-on`)).status).toBe(500);
    expect(await settled()).toEqual(['response of failure']);
  });
});

describe('an application that hands its request to another', () => {
  @Controller()
  class InnerController {
    @Get('legacy/x')
    async x(@Tasks() tasks: TasksService) {
      schedule(tasks, 'inner');
      await macrotask();
      journal.write('inner returns');
      return 'inner';
    }
  }

  @OnTaskError(() => {})
  @Controller()
  class OuterController {
    static hand: (request: unknown, response: unknown) => void;

    @All('legacy/*path')
    legacy(@Req() request: http.IncomingMessage, @Res() response: http.ServerResponse, @Tasks() tasks: TasksService) {
      schedule(tasks, 'outer');
      OuterController.hand(request, response);
    }
  }

  it('has its own tasks, and the other has its', async () => {
    @Module({ imports: [TasksModule.forRoot({ name: 'inner' })], controllers: [InnerController] })
    class InnerModule {}
    const inner = await NestFactory.create(InnerModule, { logger: false, bodyParser: false });
    await inner.init();
    OuterController.hand = inner.getHttpAdapter().getInstance() as typeof OuterController.hand;
    await using outer = await startApp({ controllers: [OuterController] });
    expect((await send(`${outer.url}/legacy/x`)).body).toBe('inner');
    await Promise.all([outer.tasks.idle(), inner.get(TaskScheduler).idle()]);
    expect(journal.take()).toEqual([
      'outer: route',
      'inner returns',
      'inner: route',
      'outer: response',
      'inner: response',
    ]);
    expect([outer.scheduler.counts.scheduled, inner.get(TaskScheduler).counts.scheduled]).toEqual([2, 2]);
    await inner.close();
  });
});
