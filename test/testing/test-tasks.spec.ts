import { AssertionError } from 'node:assert';
import diagnosticsChannel from 'node:diagnostics_channel';
import { setImmediate as macrotask, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  currentTask,
  Durable,
  OnTaskError,
  Shielded,
  TASK_CHANNEL,
  TaskContext,
  TaskDiscardedError,
  TaskQueue,
  TasksConfigError,
  TaskScheduler,
  TasksModule,
  TaskTimeoutError,
  type Task,
  type TaskEventType,
  type TasksModuleOptions,
} from 'nestjs-tasks';
import { TestQueue, TestTasks, type TestTasksOptions } from 'nestjs-tasks/testing';
import { Gate } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';
import { usageError } from '../support/usage-error.js';

const journal: string[] = [];
const write = (entry: string): void => void journal.push(entry);
const take = (): string[] => journal.splice(0);

@Injectable()
class Mails {
  private readonly server = 'smtp';

  constructor(
    private readonly context: TaskContext,
    private readonly scheduler: TaskScheduler,
  ) {}

  @Shielded()
  async send(to: string, _options: { copies?: number } = {}): Promise<string> {
    await macrotask();
    write(`send ${to} by ${this.server} in ${this.context.task.name}`);
    return `sent to ${to}`;
  }

  @OnTaskError(async ({ name, args }) => {
    await macrotask();
    write(`${name} of ${String(args[0])} handled`);
  })
  fail(what: string): never {
    throw new Error(`${what} failed`);
  }

  @OnTaskError((task) => task.retry())
  flaky(): string {
    write(`attempt ${this.context.attempt}`);
    if (this.context.attempt === 1) throw new Error('not yet');
    return 'at last';
  }

  parent(): void {
    this.scheduler.schedule(this.send, 'child');
  }

  @Durable('mails.durable')
  durable(to: string): void {
    write(`durable ${to}`);
    this.scheduler.schedule(this.send, to);
  }
}

const { send, fail: failing, flaky, parent, durable } = Mails.prototype;

let module: TestingModule | undefined;
let logs: LogLines;
let scheduler: TaskScheduler;
afterEach(async () => {
  await module?.close();
  module = undefined;
  take();
});

async function start(
  testOptions: TestTasksOptions = {},
  options: TasksModuleOptions = {},
  withBuilder: (builder: ReturnType<typeof Test.createTestingModule>) => void = () => {},
): Promise<TestTasks> {
  logs = new LogLines();
  const metadata: ModuleMetadata = { imports: [TasksModule.forRoot(options)], providers: [Mails] };
  const builder = Test.createTestingModule(metadata).setLogger(logs);
  const tasks = TestTasks.install(builder, testOptions);
  withBuilder(builder);
  module = await builder.compile();
  await module.init();
  scheduler = module.get(TaskScheduler);
  return tasks;
}

function messageOf(assertion: () => unknown): string {
  try {
    assertion();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return (error as Error).message.replaceAll(/#\d+/g, '#n').replaceAll(/\d\.\d s/g, 'n s');
  }
  throw new Error('It holds');
}

const rejectionOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => Promise.reject(new Error('It holds')),
    (error: unknown) =>
      messageOf(() => {
        throw error;
      }),
  );

const untilAborted = async (): Promise<void> => {
  await sleep(60_000, undefined, { signal: currentTask().signal });
};

describe('TestTasks', () => {
  it('refuses options that cannot be used', () => {
    const install = (options: TestTasksOptions): TestTasks =>
      TestTasks.install(Test.createTestingModule({ imports: [TasksModule.forRoot()] }), options);
    expect(() => install({ mode: 'sync' as never })).toThrow(TasksConfigError);
    expect(() => install({ patience: 0 })).toThrow(/^patience .*'4?/);
  });

  it('says what is missing before there is an application, and where there is no tasks module', async () => {
    const tasks = TestTasks.install(Test.createTestingModule({ imports: [TasksModule.forRoot()] }));
    await expect(tasks.idle()).rejects.toThrow(usageError('TASKS_MODULE_MISSING'));
    const bare = await Test.createTestingModule({}).compile();
    expect(() => TestTasks.of(bare)).toThrow(usageError('TASKS_MODULE_MISSING'));
  });

  describe('idle()', () => {
    it('waits for what tasks schedule, for onError and for retries', async () => {
      const tasks = await start();
      scheduler.schedule(parent);
      scheduler.schedule(failing, 'one');
      const task = scheduler.schedule(flaky);
      await tasks.idle();
      expect(take().toSorted()).toEqual([
        'attempt 1',
        'attempt 2',
        'fail of one handled',
        'send child by smtp in send',
      ]);
      expect(task.attempt).toBe(2);
      await tasks.idle(); // at once
    });

    it('waits for what is scheduled by those who have waited for a task', async () => {
      const tasks = await start();
      const first = scheduler.schedule(send, 'ada');
      void first.done.then(async () => {
        await null;
        scheduler.schedule(send, 'bob');
      });
      await tasks.idle();
      expect(take()).toHaveLength(2);
    });

    it('lists what has not ended', async () => {
      const tasks = await start({ patience: 30 }, { pools: { mail: { concurrency: 1 } } });
      const gate = new Gate();
      scheduler.task({ name: 'export', pool: 'mail' }).schedule(() => gate.passed);
      scheduler.task({ name: 'mail', pool: 'mail' }).schedule(() => {});
      const onError = async (task: Task): Promise<void> => {
        await gate.passed;
        await task.retry();
      };
      scheduler.task({ name: 'broken', onError }).schedule(() => {
        throw new Error('bad');
      });
      const onErrorRetries = (task: Task): Promise<unknown> => task.retry();
      scheduler.task({ name: 'again', onError: onErrorRetries }).schedule(async () => {
        if (currentTask().attempt === 1) throw new Error('bad');
        await gate.passed;
      });
      expect(await rejectionOf(tasks.idle())).toBe(
        [
          'Tasks did not end within 30 ms:',
          '  1. export#n (immediate) runs, scheduled n s ago',
          "  2. mail#n (immediate) waits to start in pool 'mail', scheduled n s ago",
          '  3. broken#n (immediate) has failed, and its onError runs, scheduled n s ago',
          '  4. again#n (immediate) runs, in attempt 2, scheduled n s ago',
        ].join('\n'),
      );
      gate.pass();
      await tasks.idle();
    });

    it('leaves no timer behind', async () => {
      const TIMES = 50; // more than the timers of all others that may begin meanwhile
      const timers = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
      const tasks = await start({ patience: '1h' });
      const isWatched = diagnosticsChannel.hasSubscribers(TASK_CHANNEL); // by another file of this process
      const before = timers();
      for (let i = 0; i < TIMES; i++) {
        scheduler.schedule(send, 'ada');
        await tasks.idle();
      }
      expect(timers()).toBeLessThan(before + TIMES);
      await tasks.shutdown();
      expect(timers()).toBeLessThan(before + TIMES);
      expect(diagnosticsChannel.hasSubscribers(TASK_CHANNEL)).toBe(isWatched);
    });

    it('goes by the real time under fake timers', async () => {
      const tasks = await start({ patience: 20 });
      jest.useFakeTimers();
      try {
        const task = scheduler.schedule(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
        await expect(tasks.idle()).rejects.toThrow('within 20 ms');
        await jest.advanceTimersByTimeAsync(60_000);
        await tasks.idle();
        expect(task.status).toBe('succeeded');
      } finally {
        jest.useRealTimers();
      }
    });
  });

  describe('what was scheduled', () => {
    it('is there as soon as the call has returned, whatever comes of it', async () => {
      const tasks = await start();
      tasks.expectNothingScheduled();
      const first = scheduler.schedule(send, 'ada');
      const second = scheduler.task({ name: 'copy_7' }).schedule(send, 'bob', { copies: 2 });
      expect(tasks.scheduled).toEqual([first, second]);
      expect(tasks.expectScheduled(send)).toBe(first);
      expect(tasks.expectScheduled(send, { name: /^copy_\d+$/ })).toBe(second);
      expect(tasks.expectScheduled('copy_7', { args: ['bob', { copies: 2 }] })).toBe(second);
      const unlike = [
        { shielded: false },
        { timing: 'afterRoute' },
        { pool: 'mail' },
        { name: 'copy' },
        { name: /^7/ },
      ] as const;
      for (const expected of unlike) tasks.expectNotScheduled(send, expected);
      await tasks.idle();
      expect(tasks.expectScheduled(send, { times: 2, timing: 'immediate', shielded: true }).status).toBe('succeeded');
      tasks.forgetScheduled();
      tasks.expectNothingScheduled();
    });

    it('takes matchers anywhere in the arguments', async () => {
      const tasks = await start({ mode: 'record' });
      scheduler.schedule(send, 'ada@example.com', { copies: 2 });
      const loop: { self?: unknown; id: number } = { id: 1 };
      loop.self = loop;
      scheduler.schedule((_loop: object) => {}, loop);
      tasks.expectScheduled(send, { args: [expect.any(String), { copies: expect.any(Number) }] });
      tasks.expectScheduled(send, { args: [expect.stringMatching(/^ada@/), expect.objectContaining({ copies: 2 })] });
      tasks.expectScheduled('anonymous', { args: [loop] });
      tasks.expectNotScheduled(send, { args: [expect.any(String)] });
      // @ts-expect-error no address is a number
      tasks.expectNotScheduled(send, { args: [1] });
      tasks.expectNotScheduled(send, { args: ['ada@example.com', { copies: expect.any(String) }] });
      tasks.expectNotScheduled(send, { args: ['ada@example.com', {}] });
      tasks.expectNotScheduled(send, { args: ['ada@example.com', { copies: undefined as never }] });
      expect(tasks.scheduled).toHaveLength(2);
    });

    it('is listed by assertions that do not hold', async () => {
      const tasks = await start({ mode: 'record' }, { pools: { mail: { concurrency: 1 } } });
      expect(messageOf(() => tasks.expectScheduled(send))).toBe(
        'Expected send to be scheduled, but it was not. Nothing was scheduled.',
      );
      scheduler.schedule(send, 'ada');
      scheduler.task({ name: 'x', pool: 'mail' }).schedule((_n: number) => {}, 7);
      const list = ["Scheduled:\n  1. send('ada'), immediate, shielded: scheduled", "name 'x', immediate, pool 'mail'"];
      const messages = [
        messageOf(() => tasks.expectScheduled(send, { args: ['bob'], timing: 'afterRoute', shielded: false })),
        messageOf(() => tasks.expectScheduled('x', { times: 2, pool: 'mail', name: /x/ })),
        messageOf(() => tasks.expectScheduled('x', { pool: 'other' })),
        messageOf(() => tasks.expectNotScheduled(send)),
        messageOf(() => tasks.expectNothingScheduled()),
        messageOf(() => tasks.expectDiscarded(send, { times: 2 })),
      ];
      for (const message of messages) for (const part of list) expect(message).toContain(part);
      expect(messages.map((message) => message.split(' Scheduled:')[0])).toEqual([
        "Expected send('bob'), afterRoute, not shielded to be scheduled, but it was not.",
        "Expected x, name /x/, pool 'mail' to be scheduled 2 times, but it was once.",
        "Expected x, pool 'other' to be scheduled, but it was not.",
        'Expected send not to be scheduled, but it was once.',
        'Expected nothing to be scheduled.',
        'Expected send to be discarded 2 times, but it was not.',
      ]);
    });

    it('cannot be asked for by what no task is', async () => {
      const tasks = await start();
      const misspelt = (Mails.prototype as { sned?: () => void }).sned as () => void;
      expect(() => tasks.expectNotScheduled(misspelt)).toThrow(TasksConfigError);
      expect(() => tasks.expectScheduled(send, { times: 0 })).toThrow('expectNotScheduled()');
    });

    it('begins its stack in the test', async () => {
      const tasks = await start();
      const assertions = [
        () => tasks.expectScheduled(send),
        () => tasks.expectDiscarded(send),
        () => (scheduler.schedule(send, 'ada'), tasks.expectNotScheduled(send)),
        () => tasks.expectNothingScheduled(),
      ];
      for (const assertion of assertions) {
        const { stack } = catchError(assertion);
        expect(stack?.split('\n').find((line) => line.includes(' at '))).toContain('test-tasks.spec');
      }
      await tasks.idle();
    });

    it('holds neither what was refused nor the runs of durable tasks', async () => {
      const tasks = await start({}, { concurrency: 1, maxQueue: 0, overflow: 'discard' });
      const gate = new Gate();
      scheduler.schedule(() => gate.passed);
      const refused = scheduler.schedule(send, 'ada');
      expect(tasks.expectDiscarded(send, { args: ['ada'] })).toBe(refused);
      expect(tasks.discarded).toEqual([refused]);
      expect(messageOf(() => tasks.expectScheduled(send))).toContain("send('ada'), immediate, shielded: discarded, ");
      gate.pass();
      await tasks.idle();
      tasks.forgetScheduled();
      const execution = await module!.get(TaskQueue).add('mails.durable')('bob');
      await execution.result();
      await tasks.idle();
      expect(tasks.expectScheduled(send)).toBe(tasks.scheduled[0]);
      expect(tasks.scheduled).toHaveLength(1);
    });
  });

  describe("in mode 'record'", () => {
    it('runs nothing, and holds neither idle() nor the end', async () => {
      const tasks = await start({ mode: 'record' }, { concurrency: 1, maxQueue: 0 });
      const all = ['ada', 'bob', 'cy'].map((name) => scheduler.schedule(send, name));
      await tasks.idle();
      expect(take()).toEqual([]);
      expect(all.map(({ status }) => status)).toEqual(['scheduled', 'scheduled', 'scheduled']);
      expect(all.map(({ shielded }) => shielded)).toEqual([true, true, true]);
      await expect(module!.close()).resolves.toBeUndefined();
      expect(tasks.scheduled).toEqual(all);
    });

    it('runs one task on its provider, in its context', async () => {
      const tasks = await start({ mode: 'record' });
      scheduler.schedule(send, 'ada');
      scheduler.task({ name: 'second' }).schedule(send, 'bob');
      const result: string = await tasks.run(tasks.expectScheduled(send, { args: ['bob'] }));
      expect(result).toBe('sent to bob');
      expect(take()).toEqual(['send bob by smtp in second']);
      expect(scheduler.pools['default']).toMatchObject({ running: 0, waiting: 0 });
      expect(tasks.scheduled.map(({ status }) => status)).toEqual(['scheduled', 'succeeded']);
    });

    it('lets a test see one fail, when its onError has settled', async () => {
      const tasks = await start({ mode: 'record' });
      const events: TaskEventType[] = [];
      scheduler.events$.subscribe(({ type }) => events.push(type));
      scheduler.schedule(failing, 'mail');
      await expect(tasks.run(tasks.expectScheduled(failing))).rejects.toThrow('mail failed');
      expect(take()).toEqual(['fail of mail handled']);
      expect(events).toEqual(['scheduled', 'started', 'failed']);
      expect(logs.matching('failed: mail failed')).toHaveLength(1);
    });

    it('applies the timeout, and runs retries', async () => {
      const tasks = await start({ mode: 'record' });
      const slow = scheduler.task({ timeout: 5 }).schedule(untilAborted);
      await expect(tasks.run(slow)).rejects.toThrow(TaskTimeoutError);
      const again = scheduler.schedule(flaky);
      await expect(tasks.run(again)).rejects.toThrow('not yet');
      expect(take()).toEqual(['attempt 1', 'attempt 2']);
      expect(again.attempt).toBe(2);
    });

    it('captures what a task schedules that was run', async () => {
      const tasks = await start({ mode: 'record' });
      await tasks.run(scheduler.schedule(parent));
      await tasks.idle();
      expect(take()).toEqual([]);
      const child = tasks.expectScheduled(send, { args: ['child'] });
      expect(child.status).toBe('scheduled');
    });

    it('runs a task once, and none that was cancelled', async () => {
      const tasks = await start({ mode: 'record' });
      const task = scheduler.schedule(send, 'ada');
      await tasks.run(task);
      await expect(tasks.run(task)).rejects.toThrow(/^Task send#\d+ was run before \(succeeded\)/);
      const cancelled = scheduler.schedule(send, 'bob');
      expect(cancelled.cancel()).toBe(true);
      await expect(tasks.run(cancelled)).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
      expect(take()).toHaveLength(1);
    });

    it('waits for the end of what the test has run', async () => {
      const tasks = await start({ mode: 'record' });
      const gate = new Gate();
      const run = tasks.run(scheduler.task({ shield: true }).schedule(() => gate.passed));
      await macrotask();
      const ended: string[] = [];
      const waits = [tasks.idle().then(() => ended.push('idle')), module!.close().then(() => ended.push('close'))];
      await macrotask();
      await macrotask();
      expect(ended).toEqual([]);
      gate.pass();
      await run;
      await Promise.all(waits);
    });

    it('is what run() needs', async () => {
      const tasks = await start();
      const task = scheduler.schedule(send, 'ada');
      await expect(tasks.run(task)).rejects.toThrow(TasksConfigError);
      await tasks.idle();
    });
  });

  describe("in mode 'inline'", () => {
    it('starts tasks in the call', async () => {
      const tasks = await start({ mode: 'inline' });
      const task = scheduler.schedule(write, 'sync');
      expect([take(), task.status]).toEqual([['sync'], 'succeeded']);
      const failed = scheduler.schedule(failing, 'one'); // not the caller's affair
      expect(failed.status).toBe('failed');
      expect(scheduler.schedule(flaky).attempt).toBe(2);
      const mail = scheduler.schedule(send, 'ada');
      expect(mail.status).toBe('running');
      await tasks.idle();
      expect(take()).toEqual(['attempt 1', 'attempt 2', 'fail of one handled', 'send ada by smtp in send']);
    });

    it('respects the limits of pools', async () => {
      const tasks = await start({ mode: 'inline' }, { pools: { mail: { concurrency: 1 } } });
      const gate = new Gate();
      const limited = scheduler.task({ pool: 'mail' });
      const [first, second] = [limited.schedule(() => gate.passed), limited.schedule(() => {})];
      const free = scheduler.schedule(() => {});
      await null;
      expect([first.status, second.status, free.status]).toEqual(['running', 'scheduled', 'succeeded']);
      expect(scheduler.pools['mail']).toMatchObject({ running: 1, waiting: 1 });
      gate.pass();
      await tasks.idle();
      expect(second.status).toBe('succeeded');
      expect(scheduler.pools['mail']).toMatchObject({ running: 0, waiting: 0 });
      expect(scheduler.pools['default']).toMatchObject({ running: 0, waiting: 0 });
    });
  });

  describe('shutdown()', () => {
    it('reports what became of each task', async () => {
      const tasks = await start({}, { shutdown: { timeout: 20 } });
      const [gate, never] = [new Gate(), new Gate()];
      const shielded = scheduler.task({ name: 'payment', shield: true });
      const payment = shielded.schedule(async () => {
        await gate.passed;
        scheduler.task({ name: 'receipt', shield: true }).schedule(() => {});
      });
      const polite = scheduler.task({ name: 'polite' }).schedule(untilAborted);
      const deaf = scheduler.task({ name: 'deaf' }).schedule(() => never.passed);
      const endless = scheduler.task({ name: 'endless', shield: true }).schedule(() => never.passed);
      const before = scheduler.schedule(write, 'before');
      await before.done;
      const shutdown = tasks.shutdown({ gracePeriod: 10 });
      gate.pass();
      const report = await shutdown;
      expect(report).toEqual({
        awaited: [payment, tasks.expectScheduled('receipt')],
        cancelled: [polite],
        abandoned: [deaf],
        left: [endless],
        discarded: [],
      });
      expect(await tasks.shutdown()).toBe(report);
      const late = scheduler.task({ shield: true }).schedule(send, 'late');
      await expect(late.result()).rejects.toThrow(TaskDiscardedError);
      expect(tasks.expectDiscarded(send)).toBe(late);
      expect(logs.matching('did not stop within the grace period of 10 ms')).toHaveLength(1);
      const lines = logs.lines.length;
      await module!.close(); // finds that all is done
      expect(logs.lines.slice(lines)).toEqual([]);
    });

    it('completes the events, and tells of what it found alone', async () => {
      const tasks = await start();
      let isComplete = false;
      scheduler.events$.subscribe({ complete: () => (isComplete = true) });
      await scheduler.schedule(send, 'ada').done;
      const other = await NestFactory.createApplicationContext(
        { module: class Other {}, imports: [TasksModule.forRoot()] },
        { logger: false },
      );
      const shutdown = tasks.shutdown();
      const gate = new Gate();
      other
        .get(TaskScheduler)
        .task({ shield: true })
        .schedule(() => gate.passed);
      const none = { awaited: [], cancelled: [], abandoned: [], left: [], discarded: [] };
      expect(await shutdown).toEqual(none);
      expect(isComplete).toBe(true);
      gate.pass();
      await other.close();
    });

    it('lists what it waits for when that takes too long', async () => {
      const tasks = await start({ patience: 20 });
      const gate = new Gate();
      scheduler.task({ name: 'payment', shield: true }).schedule(() => gate.passed);
      expect(await rejectionOf(tasks.shutdown())).toBe(
        'Shutdown still waits after 20 ms for these tasks, or for the end of their requests:\n  1. payment#n (immediate) runs, scheduled n s ago',
      );
      gate.pass();
      await tasks.idle();
    });
  });

  describe('of()', () => {
    it('watches an application that was made without a builder', async () => {
      class Root {}
      const app = await NestFactory.createApplicationContext(
        { module: Root, imports: [TasksModule.forRoot()], providers: [Mails] },
        { logger: false },
      );
      const tasks = TestTasks.of(app, { patience: 2_000 });
      expect(TestTasks.of(app)).toBe(tasks);
      const own = app.get(TaskScheduler);
      const mail = own.schedule(send, 'ada');
      expect(tasks.expectScheduled(send, { args: ['ada'] })).toBe(mail);
      await tasks.idle();
      expect(take()).toEqual(['send ada by smtp in send']);
      const gate = new Gate();
      const chained = own.task({ shield: true }).schedule(async () => {
        await gate.passed;
        await own.task({ name: 'last', shield: true }).schedule(macrotask).done;
      });
      await expect(tasks.shutdown({ gracePeriod: 1 })).rejects.toThrow('no value without TestTasks.install()');
      const again = TestTasks.of(app);
      expect(again).toBe(tasks);
      const shutdown = tasks.shutdown();
      gate.pass();
      const { awaited } = await shutdown;
      expect(awaited.map(({ name }) => name)).toEqual([chained.name, 'last']);
      await app.close();
    });

    it('finds the one that was installed', async () => {
      const tasks = await start({ mode: 'record' });
      expect(TestTasks.of(module!)).toBe(tasks);
    });
  });

  describe.each(['run', 'record', 'inline'] as const)("beside TestQueue, in mode '%s'", (mode) => {
    it('leaves durable tasks to it', async () => {
      let queue!: TestQueue;
      const tasks = await start({ mode }, {}, (builder) => (queue = TestQueue.install(builder)));
      await module!.get(TaskQueue).add('mails.durable', { when: '1d' })('ada');
      queue.expectAdded(durable, { in: '1d' });
      tasks.expectNothingScheduled();
      await queue.advance('1d');
      const mail = tasks.expectScheduled(send, { args: ['ada'] });
      await tasks.idle();
      expect(mail.status).toBe(mode === 'record' ? 'scheduled' : 'succeeded');
      expect(take()[0]).toBe('durable ada');
      expect(tasks.scheduled).toHaveLength(1);
    });
  });
});

function catchError(assertion: () => unknown): Error {
  try {
    assertion();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It holds');
}
