import { describe, expect, it } from '@jest/globals';
import { TaskCancelledError, TaskTimeoutError } from 'nestjs-tasks';
import { startContext } from '../support/context.js';
import { until } from '../support/until.js';
import { fixture, Gate } from './gate.js';

const wait = fixture('gates.js', 'wait');
const compute = fixture('gates.js', 'compute');
const linger = fixture('gates.js', 'linger');

describe('cancel()', () => {
  it.each([
    ['computes', compute],
    ['awaits', linger],
    ['blocks', wait],
  ])('kills a thread that %s', async (_, thread) => {
    await using app = await startContext({ threads: { max: 1 } });
    const gate = new Gate();
    const task = app.scheduler.task({ thread }).schedule(gate.memory);
    await gate.entered();
    expect(task.cancel('no longer wanted')).toBe(true);
    await expect(task.done).resolves.toEqual({ status: 'cancelled', error: expect.any(TaskCancelledError) });
    await expect(task.result()).rejects.toMatchObject({ reason: 'no longer wanted' });
    await expect(gate.hasStopped()).resolves.toBe(true);
    expect(app.logs.lines).toEqual([expect.stringMatching(/debug Task \w+#\d+ was cancelled/)]);
  });

  it('ends the task when the thread has ended: one in native code goes on to the end of that call', async () => {
    await using app = await startContext();
    const gate = new Gate();
    const task = app.scheduler.task({ thread: fixture('gates.js', 'hash') }).schedule(gate.memory);
    await gate.entered();
    const since = performance.now();
    task.cancel();
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled' });
    expect(performance.now() - since).toBeGreaterThan(50); // it takes several times as long
  });

  it('leaves neighbours alone, and gives the place to the next', async () => {
    await using app = await startContext({ threads: { max: 2 } });
    const [killed, neighbour, next] = [new Gate(), new Gate(), new Gate()];
    const task = app.scheduler.task({ thread: compute }).schedule(killed.memory);
    const beside = app.scheduler.task({ thread: wait }).schedule(neighbour.memory);
    await Promise.all([killed.entered(), neighbour.entered()]);
    const behind = app.scheduler.task({ thread: wait }).schedule(next.memory);
    task.cancel();
    await next.entered(); // though the neighbour goes on
    neighbour.open();
    next.open();
    await expect(beside.result()).resolves.toBe('waited');
    await expect(behind.result()).resolves.toBe('waited');
    expect(task.status).toBe('cancelled');
  });

  it('keeps a task that waits for a thread from ever running in one', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const [running, unwanted] = [new Gate(), new Gate()];
    const task = app.scheduler.task({ thread: wait }).schedule(running.memory);
    const waiting = app.scheduler.task({ thread: compute }).schedule(unwanted.memory);
    const last = app.scheduler.task({ thread: wait }).schedule(running.memory);
    await running.entered();
    waiting.cancel();
    await expect(waiting.done).resolves.toMatchObject({ status: 'cancelled' });
    expect(task.status).toBe('running');
    running.open();
    await Promise.all([task.result(), last.result()]);
    expect(unwanted.inside).toBe(0);
  });

  it('keeps a task whose thread has yet to start from running', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const gate = new Gate();
    const task = app.scheduler.task({ thread: compute }).schedule(gate.memory);
    await task.started;
    task.cancel();
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled' });
    const next = app.scheduler.task({ thread: fixture('arithmetic.js', 'add') }).schedule(1, 2);
    await expect(next.result()).resolves.toBe(3);
    expect(gate.inside).toBe(0);
  });

  it('is in time when the task has its thread but not begun', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const [running, unwanted] = [new Gate(), new Gate()];
    const task = app.scheduler.task({ thread: wait }).schedule(running.memory);
    const waiting = app.scheduler.task({ thread: compute }).schedule(unwanted.memory);
    await running.entered();
    void task.done.then(() => waiting.cancel()); // its turn has come, and a promise is on its way to tell it
    running.open();
    await expect(waiting.done).resolves.toMatchObject({ status: 'cancelled' });
    await expect(unwanted.hasStopped()).resolves.toBe(true);
    const next = app.scheduler.task({ thread: fixture('arithmetic.js', 'add') }).schedule(1, 2);
    await expect(next.result()).resolves.toBe(3);
  });
});

describe('a timeout', () => {
  it('kills the thread, and fails the task', async () => {
    await using app = await startContext();
    const gate = new Gate();
    const task = app.scheduler.task({ thread: compute, timeout: 90 }).schedule(gate.memory);
    await expect(task.done).resolves.toEqual({ status: 'failed', error: expect.any(TaskTimeoutError) });
    await until(() => gate.hasStopped(), 'the thread to end');
  });

  it('counts for the attempt that ran out of time, and not for the next', async () => {
    await using app = await startContext();
    const gate = new Gate();
    const task = app.scheduler.task({ thread: wait, timeout: 2_000 }).schedule(gate.memory);
    await gate.entered();
    gate.open();
    await expect(task.result()).resolves.toBe('waited');
    await expect(task.retry()).resolves.toBe('waited');
  });

  it('goes by while the task waits for a thread', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const [running, late] = [new Gate(), new Gate()];
    const task = app.scheduler.task({ thread: wait }).schedule(running.memory);
    await running.entered();
    const waiting = app.scheduler.task({ thread: compute, timeout: 20 }).schedule(late.memory);
    await expect(waiting.done).resolves.toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT' } });
    running.open();
    await expect(task.result()).resolves.toBe('waited');
    expect(late.inside).toBe(0);
  });
});

describe('shutdown', () => {
  it('kills the threads of unshielded tasks', async () => {
    const app = await startContext();
    const gate = new Gate();
    const task = app.scheduler.task({ thread: compute }).schedule(gate.memory);
    await gate.entered();
    await app.context.close();
    await expect(task.done).resolves.toMatchObject({ status: 'cancelled', error: { reason: 'shutdown' } });
    await expect(gate.hasStopped()).resolves.toBe(true);
    expect(app.logs.matching('abandons')).toEqual([]);
  });

  it('waits for those of shielded ones, which run and which wait for a thread', async () => {
    const app = await startContext({ threads: { max: 1 } });
    const gate = new Gate();
    const shielded = app.scheduler.task({ thread: wait, shield: true });
    const tasks = [shielded.schedule(gate.memory), shielded.schedule(gate.memory)];
    await gate.entered();
    let isClosed = false;
    const closed = app.context.close().then(() => {
      isClosed = true;
    });
    await until(() => app.logs.matching('Shutdown waits for 2 shielded tasks')[0], 'the shutdown to wait');
    expect(isClosed).toBe(false);
    gate.open();
    await closed;
    for (const task of tasks) await expect(task.result()).resolves.toBe('waited');
  });

  it('ends all threads, also those that run what a shielded task had no time left for', async () => {
    const app = await startContext({ threads: { max: 1 }, shutdown: { timeout: 30 } });
    const [gate, waiting] = [new Gate(), new Gate()];
    const left = app.scheduler.task({ thread: compute, shield: true }).schedule(gate.memory);
    const behind = app.scheduler.task({ thread: compute, shield: true }).schedule(waiting.memory);
    await gate.entered();
    await app.context.close();
    await expect(gate.hasStopped()).resolves.toBe(true);
    await expect(left.done).resolves.toMatchObject({ status: 'failed', error: { code: 'THREAD' } });
    await expect(behind.done).resolves.toMatchObject({ status: 'failed', error: { code: 'THREAD' } });
    expect(waiting.inside).toBe(0);
  });

  it('lets no thread start any more', async () => {
    const app = await startContext();
    const { func, done } = app.scheduler.task({ thread: fixture('arithmetic.js', 'add') }).schedule(1, 2);
    await done;
    await app.context.close();
    const late = (func as (...args: unknown[]) => Promise<unknown>)(1, 2);
    await expect(late).rejects.toMatchObject({
      code: 'THREAD',
      message: expect.stringContaining('the application has shut down'),
    });
  });

  it('ends idle threads', async () => {
    const app = await startContext();
    const gate = new Gate();
    await app.scheduler
      .task({ thread: fixture('gates.js', 'leaveBeating') })
      .schedule(gate.memory)
      .result();
    await until(() => gate.beats > 0, 'a beat');
    await app.context.close();
    await expect(gate.hasStopped()).resolves.toBe(true);
  });
});
