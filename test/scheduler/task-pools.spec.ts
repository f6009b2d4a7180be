import { describe, expect, it } from '@jest/globals';
import { TaskPoolFullError, TasksConfigError, TasksModule, type Task, type TasksModuleOptions } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { startContext } from '../support/context.js';

const LIMITS = { pools: { mail: { concurrency: 2, maxQueue: 3 } } } satisfies TasksModuleOptions;

describe('a pool', () => {
  it('runs as many tasks at once as it has slots, in order, and holds up no other', async () => {
    await using one = await startContext({ concurrency: 1, pools: { mail: { concurrency: 2 } } });
    const gate = new Gate();
    const order: string[] = [];
    const held = one.scheduler.schedule(() => gate.passed);
    const mails = [1, 2, 3].map((n) =>
      one.scheduler.task({ pool: 'mail' }).schedule(async () => {
        order.push(`mail ${n}`);
        await gate.passed;
      }),
    );
    await mails[1]?.started;
    expect(order).toEqual(['mail 1', 'mail 2']);
    expect(one.scheduler.pools).toEqual({
      default: { concurrency: 1, running: 1, waiting: 0, held: 0, maxQueue: Infinity },
      mail: { concurrency: 2, running: 2, waiting: 1, held: 0, maxQueue: Infinity },
    });
    gate.pass();
    await one.scheduler.idle();
    expect(order).toEqual(['mail 1', 'mail 2', 'mail 3']);
    expect(held.status).toBe('succeeded');
    expect(one.scheduler.pools['mail']).toMatchObject({ running: 0, waiting: 0 });
  });

  it('is taken from the layers, and null takes it back', async () => {
    await using one = await startContext({ pool: 'mail', ...LIMITS });
    expect(one.scheduler.schedule(() => {}).config.pool).toBe('mail');
    expect(one.scheduler.task({ pool: null }).schedule(() => {}).config.pool).toBeUndefined();
  });

  it.each([
    [{ pool: 'post' }, "pool is 'post'. Allowed: the name of one of the pools of TasksModule.forRoot(): mail."],
    [{ pool: 3 as never }, 'task().pool is 3. Allowed: the name of a pool.'],
  ])('is refused by a name that the module does not have: %j', async (config, message) => {
    await using one = await startContext(LIMITS);
    expect(() => one.scheduler.task(config).schedule(() => {})).toThrow(message);
  });

  it('that the module does not have is explained where it has none', async () => {
    await using one = await startContext();
    expect(() => one.scheduler.task({ pool: 'mail' }).schedule(() => {})).toThrow(
      'Add it to TasksModule.forRoot({ pools',
    );
  });
});

describe('a pool that is full', () => {
  async function fill(options: TasksModuleOptions, pool: string | undefined) {
    const one = await startContext(options);
    const gate = new Gate();
    const started: number[] = [];
    const schedule = (n: number): Task =>
      one.scheduler.task({ pool }).schedule(async function work() {
        started.push(n);
        await gate.passed;
      });
    return { one, gate, started, schedule, tasks: [0, 1, 2, 3, 4].map(schedule) };
  }

  it('rejects by default: schedule() throws and names it, and the task is discarded and counted', async () => {
    const { one, gate, started, schedule } = await fill(LIMITS, 'mail');
    expect(() => schedule(5)).toThrow(TaskPoolFullError);
    const events: string[] = [];
    one.scheduler.events$.subscribe(({ type, reason }) => events.push(`${type}: ${reason}`));
    // Whether its tasks have begun yet or not.
    for (let turn = 0; turn < 2; turn += 1) {
      expect(() => schedule(6)).toThrow("pool 'mail' is full (2 running, 3 waiting)");
      await Promise.resolve();
    }
    expect(events.filter((event) => !event.startsWith('started'))).toEqual([
      'scheduled: immediate',
      "discarded: pool 'mail' is full (2 running, 3 waiting)",
      'scheduled: immediate',
      "discarded: pool 'mail' is full (2 running, 3 waiting)",
    ]);
    expect(one.scheduler.counts).toMatchObject({ discarded: 3 });
    expect(one.logs.matching('debug Task work#')).toHaveLength(3);
    gate.pass();
    await one.scheduler.idle();
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(schedule(7).status).toBe('scheduled'); // there is room again
    await one.context.close();
  });

  it('discards where it is told to, with a warning', async () => {
    const { one, gate, schedule } = await fill({ concurrency: 2, maxQueue: 3, overflow: 'discard' }, undefined);
    const task = schedule(5);
    expect(task.status).toBe('discarded');
    await expect(task.result()).rejects.toMatchObject({ code: 'TASK_POOL_FULL', pool: 'default' });
    expect(one.logs.matching(`warn Task ${'work'}#${task.id} was discarded: pool 'default' is full`)).toHaveLength(1);
    gate.pass();
    await one.context.close();
  });

  it('runs where it is told to, beyond its limit, and takes no more until it is back below', async () => {
    const { one, gate, started, schedule, tasks } = await fill(
      { concurrency: 2, maxQueue: 3, overflow: 'run' },
      undefined,
    );
    const [fifth, sixth] = [schedule(5), schedule(6)];
    const dropped = schedule(7);
    dropped.cancel();
    await tasks[4]?.started;
    // Those that have waited longest: nobody is overtaken.
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(one.scheduler.pools['default']).toMatchObject({ running: 5, waiting: 2 });
    gate.pass();
    await one.scheduler.idle();
    expect(started).toHaveLength(7);
    expect([fifth, sixth, dropped].map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'cancelled']);
    expect(one.scheduler.pools['default']).toMatchObject({ running: 0, waiting: 0 });
    await one.context.close();
  });

  it('keeps no place for what is cancelled as soon as it is scheduled', async () => {
    await using one = await startContext({ concurrency: 1, maxQueue: 1 });
    one.scheduler.events$.subscribe(({ type, task }) => {
      if (type === 'scheduled' && task.name === 'doomed') task.cancel();
    });
    for (let n = 0; n < 5; n += 1) one.scheduler.task({ name: 'doomed' }).schedule(() => {});
    expect(one.scheduler.counts).toMatchObject({ cancelled: 5, discarded: 0 });
    expect(one.scheduler.pools['default']).toMatchObject({ running: 0, waiting: 0, held: 0 });
    await one.scheduler.schedule(() => 'room').result();
  });

  it('starves nobody while more than it can take comes all the time', async () => {
    await using one = await startContext({ concurrency: 1, maxQueue: 1, overflow: 'run' });
    const order: number[] = [];
    const gates = Array.from({ length: 6 }, () => new Gate());
    for (const [n, gate] of gates.entries()) {
      one.scheduler.schedule(() => {
        order.push(n);
        return gate.passed;
      });
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(order).toEqual([0, 1, 2, 3, 4]); // one waits, as may
    for (const gate of gates) gate.pass();
    await one.scheduler.idle();
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('makes room for what is cancelled while it waits', async () => {
    const { one, gate, schedule, tasks } = await fill(LIMITS, 'mail');
    tasks[4]?.cancel();
    expect(schedule(5).status).toBe('scheduled');
    expect(() => schedule(6)).toThrow(TaskPoolFullError);
    gate.pass();
    await one.context.close();
  });

  it('without a queue takes what runs at once alone', async () => {
    await using one = await startContext({ concurrency: 1, maxQueue: 0 });
    const gate = new Gate();
    one.scheduler.schedule(() => gate.passed);
    expect(() => one.scheduler.schedule(() => {})).toThrow("pool 'default' is full (1 running, 0 waiting)");
    gate.pass();
    await one.scheduler.idle();
    await one.scheduler.schedule(() => 'room').result();
  });

  it('lets retries in: they were accepted once', async () => {
    await using one = await startContext({ concurrency: 1, maxQueue: 0 });
    const gate = new Gate();
    const failed = one.scheduler.schedule(function work() {
      if (failed.attempt === 1) throw new Error('no');
      return 'at last';
    });
    await failed.done;
    one.scheduler.schedule(() => gate.passed);
    const retry = failed.retry();
    expect(one.scheduler.pools['default']).toMatchObject({ running: 0, waiting: 2 });
    gate.pass();
    await expect(retry).resolves.toBe('at last');
  });
});

describe('limits that cannot be used', () => {
  it.each<[TasksModuleOptions, string]>([
    [{ maxQueue: 3 }, 'maxQueue is 3. Allowed: a limit beside concurrency'],
    [{ concurrency: 1, maxQueue: -1 }, 'maxQueue is -1. Allowed: a whole number from 0'],
    [{ concurrency: 1, overflow: 'drop' as never }, "overflow is 'drop'. Allowed: 'reject', 'discard' or 'run'."],
    [{ pools: { mail: { concurrency: 0 } } }, 'pools.mail.concurrency is 0.'],
    [{ pools: { mail: 5 as never } }, 'pools.mail is 5. Allowed: an object'],
    [{ pools: { default: { concurrency: 1 } } }, 'pools.default is'],
    [{ pools: 'mail' as never }, "pools is 'mail'."],
    [{ pool: 'mial', pools: { mail: {} } }, "pool is 'mial'. Allowed: the name of one of the pools"],
    [{ onCancel: 'enqueue' }, "onCancel is 'enqueue'. Allowed: no value for the whole module"],
    [{ blockingThreshold: 'soon' }, "blockingThreshold is 'soon'."],
    [{ waitUntil: true as never }, 'waitUntil is true. Allowed: a function that takes a promise.'],
    [{ telemetry: 'no' as never }, "telemetry is 'no'. Allowed: true or false."],
  ])('%j', async (options, message) => {
    const failure = startContext(options);
    await expect(failure).rejects.toThrow(TasksConfigError);
    await expect(startContext(options)).rejects.toThrow(message);
    expect(TasksModule.forRoot(options)).toBeDefined(); // at bootstrap, as all options
  });
});
