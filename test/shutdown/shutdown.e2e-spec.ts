import { once } from 'node:events';
import {
  Controller,
  Get,
  Global,
  Inject,
  Injectable,
  Module,
  Sse,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type MessageEvent,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { map, type Observable } from 'rxjs';
import { currentTask, Tasks, TaskScheduler, TasksModule, TasksService, type Task } from 'nestjs-tasks';
import { ADAPTERS, Gate, open, send, startApp } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';

/** What happened, in order; one for all modules of a test. */
const order: string[] = [];

/** A module whose database disconnects in one of the hooks, and says so. */
function database(name: string, isGlobal: boolean): Type {
  @Injectable()
  class Database implements OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
    onModuleDestroy(): void {
      order.push(`${name} destroyed`);
    }
    beforeApplicationShutdown(): void {
      order.push(`${name} before`);
    }
    onApplicationShutdown(): void {
      order.push(`${name} shut down`);
    }
  }
  @Module({ providers: [Database] })
  class DatabaseModule {}
  if (isGlobal) Global()(DatabaseModule);
  return DatabaseModule;
}

const untilAborted = (name: string): Promise<void> =>
  new Promise((resolve) => {
    currentTask().signal.addEventListener('abort', () => {
      order.push(`${name} aborted`);
      resolve();
    });
  });

const HOOKS = ['destroyed', 'before', 'shut down'];

describe('the hooks of other modules', () => {
  const SETUPS: [string, () => DynamicModule][] = [
    ['global', () => TasksModule.forRoot()],
    ['not global', () => TasksModule.forRoot({ isGlobal: false })],
    ['configured later', () => TasksModule.forRootAsync({ useFactory: async () => ({}) })],
  ];
  const KINDS = ['createApplicationContext', 'Test.createTestingModule', 'create'] as const;

  it.each(SETUPS.flatMap(([name, setup]) => KINDS.map((kind) => [name, kind, setup] as const)))(
    'come after ours, whatever the import order: %s, %s',
    async (_name, kind, setup) => {
      order.length = 0;
      @Injectable()
      class RootProvider implements OnModuleDestroy, OnApplicationShutdown {
        onModuleDestroy(): void {
          order.push('root destroyed');
        }
        onApplicationShutdown(): void {
          order.push('root shut down');
        }
      }
      @Module({ imports: [database('feature', false)] })
      class FeatureModule {}
      @Module({
        imports: [
          database('first global', true),
          FeatureModule,
          setup(),
          database('last global', true),
          database('last', false),
        ],
        providers: [RootProvider],
      })
      class AppModule {}

      const logger = new LogLines();
      const app =
        kind === 'createApplicationContext'
          ? await NestFactory.createApplicationContext(AppModule, { logger })
          : kind === 'create'
            ? await NestFactory.create(AppModule, { logger }).then((created) => created.init())
            : await Test.createTestingModule({ imports: [AppModule] })
                .setLogger(logger)
                .compile()
                .then((module) => module.init());
      const scheduler = app.get(TaskScheduler);
      const gate = new Gate();
      const shielded = scheduler.task({ shield: true }).schedule(async () => {
        await gate.passed;
        order.push('shielded done');
      });
      scheduler.schedule(untilAborted, 'unshielded');
      await shielded.started;
      const closed = app.close();
      await new Promise(setImmediate); // enough for hooks that do not wait
      expect(order).toEqual(['unshielded aborted']);
      gate.pass();
      await closed;
      expect(order.slice(0, 2)).toEqual(['unshielded aborted', 'shielded done']);
      expect(order.filter((entry) => HOOKS.some((hook) => entry.endsWith(hook)))).toHaveLength(order.length - 2);
      expect(order).toHaveLength(16);
    },
  );
});

describe.each(ADAPTERS)('shutdown with a request in flight on %s', (_name, adapter) => {
  const entered = new Gate();
  let mayReturn: Gate;
  const ranInFinal: string[] = [];

  @Controller()
  class InFlightController {
    constructor(@Inject(TaskScheduler) private readonly scheduler: TaskScheduler) {}

    @Get()
    async get(@Tasks() tasks: TasksService) {
      tasks.task({ name: 'immediate' }).schedule(untilAborted, 'immediate');
      tasks.afterResponse.task({ name: 'shielded', shield: true }).schedule(async () => {
        await Promise.resolve();
        order.push('shielded after-response');
      });
      tasks.afterResponse.task({ name: 'unshielded' }).schedule(untilAborted, 'unshielded after-response');
      entered.pass();
      await mayReturn.passed;
      order.push('returned');
      return 'served';
    }

    @Get('gone')
    async gone(@Tasks() tasks: TasksService) {
      tasks.afterResponse.task({ name: 'held', shield: true }).schedule(() => ranInFinal.push('held'));
      entered.pass();
      await mayReturn.passed;
      tasks.afterResponse.task({ name: 'late' }).schedule(() => ranInFinal.push('late'));
      order.push('returned');
    }

    @Sse('events')
    events(): Observable<MessageEvent> {
      return this.scheduler.events$.pipe(map(({ type }) => ({ data: type })));
    }
  }

  it('serves it, leaves its tasks alone while closing, then flushes and ends them before others disconnect', async () => {
    order.length = 0;
    mayReturn = new Gate();
    const test = await startApp({ controllers: [InFlightController], imports: [database('db', true)] }, {}, adapter);
    const reply = send(test.url);
    await entered.passed;
    const before = new Promise<void>((resolve) => {
      test.scheduler.events$.subscribe({ complete: resolve }); // in beforeApplicationShutdown, when closing is over
    });
    const closed = test.app.close();
    await before;
    await new Promise(setImmediate); // the server waits for the request now
    expect(order).toEqual(['db destroyed', 'db before']);
    mayReturn.pass();
    expect(await reply).toMatchObject({ status: 200, body: 'served' });
    await closed;
    expect(order).toEqual([
      'db destroyed',
      'db before',
      'returned',
      'shielded after-response',
      'immediate aborted',
      'unshielded after-response aborted',
      'db shut down',
    ]);
  });

  it('discards what a handler whose client has gone holds or schedules after the end, with a warning', async () => {
    order.length = 0;
    mayReturn = new Gate();
    const test = await startApp({ controllers: [InFlightController] }, {}, adapter);
    const scheduled = new Promise<Task>((resolve) => test.scheduler.events$.subscribe(({ task }) => resolve(task)));
    const gone = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = open(`${test.url}/gone`);
    const held = await scheduled;
    client.destroy();
    await gone;
    await test.app.close();
    expect(held.status).toBe('discarded');
    expect(test.logs.matching('warn')).toEqual([
      `warn Task held#${held.id} was discarded: the application has shut down Tasks`,
    ]);
    mayReturn.pass();
    await mayReturn.passed;
    await new Promise(setImmediate);
    expect(order).toEqual(['returned']);
    expect(test.logs.matching('warn')[1]).toMatch(
      /^warn Task late#\d+ was discarded: the application has shut down Tasks$/,
    );
    expect(ranInFinal).toEqual([]);
    await expect(test.scheduler.idle()).resolves.toBeUndefined();
  });

  it('is not held open by a page that streams events$', async () => {
    const test = await startApp({ controllers: [InFlightController] }, {}, adapter);
    const client = open(`${test.url}/events`);
    const [response] = await once(client, 'response');
    const ended = once(response, 'end');
    response.resume();
    const gate = new Gate();
    const task = test.scheduler.task({ shield: true }).schedule(() => gate.passed);
    await task.started;
    const closed = test.app.close();
    gate.pass();
    await closed;
    await expect(ended).resolves.toBeDefined();
  });
});

describe.each(ADAPTERS)('a route that schedules app.close() on %s', (_name, adapter) => {
  it.each([true, false])('closes at once, with shield: %s', async (shield) => {
    const closed = new Gate();
    @Controller()
    class AdminController {
      @Get('shutdown')
      shutdown(@Tasks() tasks: TasksService): string {
        tasks.afterResponse.schedule(async () => {
          await test.app.close();
          closed.pass();
        });
        return 'ok';
      }
    }
    const options = { shield, shutdown: { gracePeriod: '1h' } };
    const test = await startApp({ controllers: [AdminController] }, options, adapter);
    await expect(send(`${test.url}/shutdown`)).resolves.toMatchObject({ status: 200, body: 'ok' });
    await closed.passed;
    await test.scheduler.idle();
    expect(test.logs.matching('Shutdown')).toEqual([
      expect.stringMatching(/^log Shutdown does not wait for task anonymous#\d+, which called app\.close\(\) Tasks$/),
    ]);
  });
});
