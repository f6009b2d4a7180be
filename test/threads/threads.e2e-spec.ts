import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { startContext } from '../support/context.js';
import { until } from '../support/until.js';
import { fixture, Gate } from './gate.js';

type Arithmetic = typeof import('./fixtures/arithmetic.js');
const ARITHMETIC = fixture('arithmetic.js').file;

describe('a task with a thread', () => {
  it('runs the export with its arguments, and succeeds with its result', async () => {
    await using app = await startContext();
    const add = app.scheduler.task<Arithmetic['add']>({ thread: fixture('arithmetic.js', 'add') });
    const addSoon = app.scheduler.task<Arithmetic['addSoon']>({ thread: fixture('arithmetic.js', 'addSoon') });
    await expect(add.schedule(2, 3).done).resolves.toEqual({ status: 'succeeded', value: 5 });
    await expect(add.schedule(3, 4).result()).resolves.toBe(7);
    await expect(addSoon.schedule(4, 5).result()).resolves.toBe(9);
  });

  it('runs the default export where none is named', async () => {
    await using app = await startContext();
    const sum = app.scheduler.task<Arithmetic['default']>({ thread: fixture('arithmetic.js') });
    await expect(sum.schedule(1, 2, 3).result()).resolves.toBe(6);
  });

  it.each([
    ['a URL', ARITHMETIC],
    ['the text of a URL', ARITHMETIC.href],
    ['a path', fileURLToPath(ARITHMETIC)],
  ])('takes the file as %s', async (_, file) => {
    await using app = await startContext();
    const task = app.scheduler.task<Arithmetic['add']>({ thread: { file, export: 'add' } }).schedule(1, 1);
    await expect(task.result()).resolves.toBe(2);
  });

  it('finds the exports of CommonJS, those too that only running it shows', async () => {
    await using app = await startContext();
    const named = app.scheduler.task({ thread: fixture('common.cjs', 'named') }).schedule();
    await expect(named.result()).resolves.toBe('named');
    const byDefault = app.scheduler.task({ thread: fixture('common.cjs') }).schedule();
    await expect(byDefault.result()).resolves.toBe('default');
  });

  it('is called as its export, or as the file', async () => {
    await using app = await startContext();
    expect(app.scheduler.task({ thread: fixture('arithmetic.js', 'add') }).schedule(1, 2).name).toBe('add');
    expect(app.scheduler.task({ thread: fixture('arithmetic.js') }).schedule(1, 2).name).toBe('arithmetic');
    const named = app.scheduler.task({ thread: fixture('arithmetic.js'), name: 'sum_7' }).schedule(1, 2);
    expect(named.name).toBe('sum_7');
    await app.scheduler.idle();
  });

  it('has one function for each export, however often it is scheduled', async () => {
    await using app = await startContext();
    const [first, second, other] = ['add', 'add', 'echo'].map((name) =>
      app.scheduler.task({ thread: fixture('arithmetic.js', name) }).schedule(),
    );
    expect(first?.func).toBe(second?.func);
    expect(first?.func).not.toBe(other?.func);
    await app.scheduler.idle();
  });

  it('gets copies, and shared memory as it is', async () => {
    await using app = await startContext();
    const sent = { tags: new Set(['a']), at: new Date(0), bytes: new Uint8Array([1, 2]), big: 7n };
    const echo = app.scheduler.task<Arithmetic['echo']>({ thread: fixture('arithmetic.js', 'echo') });
    const [received] = await echo.schedule(sent).result();
    expect(received).toEqual(sent);
    expect(received).not.toBe(sent);

    const shared = new Int32Array(new SharedArrayBuffer(4));
    const [same] = (await echo.schedule(shared).result()) as [Int32Array];
    same[0] = 7;
    expect(shared[0]).toBe(7);
  });

  it('leaves the event loop free', async () => {
    await using app = await startContext();
    const gate = new Gate();
    const task = app.scheduler.task({ thread: fixture('gates.js', 'compute') }).schedule(gate.memory);
    await gate.entered();
    const before = gate.beats;
    for (let turns = 0; turns < 100; turns += 1) await setImmediate();
    await until(() => gate.beats > before, 'the thread to go on');
    expect(task.status).toBe('running');
    gate.open();
    await expect(task.result()).resolves.toBe('computed');
    expect(app.logs.matching('blocked the event loop')).toEqual([]);
  });

  it('is repeated by retry()', async () => {
    await using app = await startContext();
    const task = app.scheduler
      .task({ thread: fixture('failures.js', 'exit'), onError: (failed) => failed.retry().catch(() => {}) })
      .schedule(3);
    await expect(task.done).resolves.toMatchObject({ status: 'failed' });
    expect(task.attempt).toBe(2);
    const add = app.scheduler.task<Arithmetic['add']>({ thread: fixture('arithmetic.js', 'add') }).schedule(2, 3);
    await add.done;
    await expect(add.retry()).resolves.toBe(5);
  });
});

describe('threads', () => {
  it('are as many as the machine has processors, and no more than max', async () => {
    await using app = await startContext({ threads: { max: 2 } });
    const gate = new Gate();
    const waiting = app.scheduler.task({ thread: fixture('gates.js', 'wait') });
    const tasks = Array.from({ length: 5 }, () => waiting.schedule(gate.memory));
    await gate.entered(2);
    expect(tasks.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'running'));
    gate.open();
    await app.scheduler.idle();
    expect(gate.most).toBe(2);

    await using byDefault = await startContext();
    const further = new Gate();
    for (let count = 0; count <= availableParallelism(); count += 1) {
      byDefault.scheduler.task({ thread: fixture('gates.js', 'wait') }).schedule(further.memory);
    }
    await further.entered(availableParallelism());
    further.open();
    await byDefault.scheduler.idle();
    expect(further.most).toBe(availableParallelism());
  });

  it('take the tasks that wait in order', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const order: unknown[] = [];
    const echo = app.scheduler.task<Arithmetic['echo']>({ thread: fixture('arithmetic.js', 'echo') });
    for (let number = 0; number < 5; number += 1) {
      void echo.schedule(number).done.then(() => order.push(number));
    }
    await app.scheduler.idle();
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('are used again, and end when they have had nothing to do for idleTimeout', async () => {
    await using app = await startContext({ threads: { max: 1, idleTimeout: 20 } });
    const gate = new Gate();
    const thread = app.scheduler.task<Arithmetic['thread']>({ thread: fixture('arithmetic.js', 'thread') });
    const first = await thread.schedule().result();
    await app.scheduler
      .task({ thread: fixture('gates.js', 'leaveBeating') })
      .schedule(gate.memory)
      .result();
    await expect(thread.schedule().result()).resolves.toBe(first);
    await until(() => gate.hasStopped(), 'the thread to end');
    await expect(thread.schedule().result()).resolves.not.toBe(first);
  });

  it.each([
    [{ max: 0 }, 'threads.max'],
    [{ max: 1.5 }, 'threads.max'],
    [{ idleTimeout: 'soon' }, 'threads.idleTimeout'],
    [{ resourceLimits: { maxOldGenerationSizeMb: 0 } }, 'threads.resourceLimits.maxOldGenerationSizeMb'],
    [{ resourceLimits: { stackSizeMb: '4' } }, 'threads.resourceLimits.stackSizeMb'],
    [{ resourceLimits: 256 }, 'threads.resourceLimits'],
    [4, 'threads'],
  ])('cannot be had with %j', async (threads, option) => {
    const started = startContext({ threads: threads as never });
    await expect(started).rejects.toBeInstanceOf(TasksConfigError);
    await expect(started).rejects.toMatchObject({ option });
  });
});
