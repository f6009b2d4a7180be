import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable, Logged, TaskContext } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { brokerSpace, SHARED_BROKERS } from '../support/brokers.js';
import { startQueue, type QueueContext } from '../support/queue-context.js';
import { runCli, startCli, type CliRun } from '../support/run-cli.js';
import { until } from '../support/until.js';

// Each command is a process of its own.
jest.setTimeout(120_000);

@Injectable()
class Orders {
  readonly go = new Gate();
  isDown = true;

  constructor(private readonly context: TaskContext) {}

  @Durable('orders.hold')
  @ConcurrencyLimit(1)
  async hold(customer: string): Promise<void> {
    await this.context.progress.total(4);
    await this.context.progress.increment();
    await this.context.progress.message(`for ${customer.length}`);
    await this.go.passed;
  }

  @Durable('orders.send')
  send(@Logged() id: number, _card: string): string {
    this.context.logger.log(`sends ${id}`);
    if (this.isDown) throw new Error('502 Bad Gateway', { cause: new Error('socket closed') });
    return 'sent';
  }
}

const DAY = 86_400_000;

describe.each(SHARED_BROKERS)('the command line: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options = {}) => startQueue(space, { providers: [Orders] }, { logs: 10, ...options });

  /** Runs a command on the queue of the context. */
  function on({ fleet }: QueueContext, ...args: readonly string[]): Promise<CliRun> {
    return runCli([...args, '--name', fleet, '--prefix', space.prefix], { env: { TASKS_URL: kind.url } });
  }

  async function json<T>(test: QueueContext, ...args: readonly string[]): Promise<T> {
    const { stdout, stderr, code } = await on(test, ...args, '--json');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    return JSON.parse(stdout) as T;
  }

  it('looks at an empty queue', async () => {
    await using test = await start({ worker: false });
    expect(await on(test, 'stats')).toEqual({
      stdout: [
        'TASK   SCHEDULED  WAITING  PARKED  RUNNING  RETRYING  OLDEST WAIT',
        'total          0        0       0        0         0',
        '',
      ].join('\n'),
      stderr: '',
      code: 0,
    });
    const NOTHING = {
      history: 'No ended executions.',
      failures: 'No failures.',
      strikes: 'No strikes.',
      limits: 'No limit has holders or waiters.',
      workers: 'No workers.',
    };
    const runs = await Promise.all(Object.keys(NOTHING).map((command) => on(test, command)));
    expect(runs).toEqual(Object.values(NOTHING).map((stdout) => ({ stdout: `${stdout}\n`, stderr: '', code: 0 })));
    expect((await on(test, 'snapshot')).stdout).toContain('0 executions, 0 workers');
    expect(await json(test, 'strikes')).toEqual([]);
  });

  it('shows what runs and waits, its limit, its worker and its progress', async () => {
    await using test = await start();
    const orders = test.context.get(Orders);
    await test.queue.add(orders.hold, { key: 'first' })('4242');
    await until(async () => (await test.queue.get('first'))?.progress.current === 1, 'progress');
    await test.queue.add(orders.hold, { key: 'second' })('4242');
    await test.queue.add(orders.send, { key: 'later', when: DAY })(1, 'card');
    await until(async () => (await test.queue.get('second'))?.state === 'parked', 'a waiter');

    const snapshot = await json<{ stats: { total: object }; executions: { key: string }[]; workers: object[] }>(
      test,
      'snapshot',
    );
    expect(snapshot.stats.total).toMatchObject({ running: 1, parked: 1, scheduled: 1 });
    expect(snapshot.executions.map(({ key }) => key).toSorted()).toEqual(['first', 'later', 'second']);
    expect(snapshot.workers).toMatchObject([{ pid: process.pid, running: 1 }]);
    const text = (await on(test, 'snapshot', '--limit', '2')).stdout;
    expect(text).toMatch(/running\s+first\s+orders\.hold\s+1/);
    expect(text).toContain('… of 3 executions');

    expect(await json(test, 'limits')).toMatchObject([
      { owner: 'orders.hold', max: 1, holders: ['first'], waiters: ['second'] },
    ]);
    expect((await on(test, 'workers')).stdout).toMatch(new RegExp(`${process.pid}\\s+1/10 .* orders\\.hold`));
    expect((await on(test, 'explain', 'first')).stdout).toMatch(
      /first {2}orders\.hold {2}running[^]*progress +1\/4 for 4/,
    );

    expect(await on(test, 'cancel', 'second', '--reason', 'not wanted')).toMatchObject({
      stdout: 'Cancelled second\n',
      code: 0,
    });
    expect((await test.queue.get('second'))?.reason).toBe('not wanted');
    expect((await on(test, 'cancel', 'first')).stdout).toBe('first runs, and was asked to stop\n');
    expect(await on(test, 'cancel', 'second')).toEqual({
      stdout: '',
      stderr: 'No execution second is left to run\n',
      code: 1,
    });

    expect(await on(test, 'clear')).toMatchObject({ stdout: '', code: 64 });
    expect((await test.queue.get('later'))?.state).toBe('scheduled');
    expect(await json(test, 'clear', '--yes')).toEqual({ result: 'cleared', count: 1 });
    orders.go.pass();
  });

  it('finds failures, and retries and forgets one or all that match', async () => {
    await using test = await start();
    const orders = test.context.get(Orders);
    for (const id of [1, 2, 3]) await test.queue.add(orders.send, { key: `order:${id}` })(id, 'card-4711');
    await until(async () => (await test.queue.history({ state: 'failed' })).executions.length === 3, 'failures');

    expect(await json(test, 'failures', '--since', '1h')).toMatchObject([
      { task: 'orders.send', count: 3, error: { name: 'Error', message: '… Bad Gateway' } },
    ]);
    expect((await on(test, 'failures')).stdout).toMatch(/3 {2}orders\.send .* Error: … Bad Gateway/);
    const page = await json<{ executions: { key: string }[]; cursor: string }>(
      test,
      'history',
      '--state',
      'failed',
      '--limit',
      '2',
    );
    expect(page.executions).toHaveLength(2);
    const next = await json<{ executions: { key: string }[] }>(
      test,
      'history',
      '--state',
      'failed',
      '--limit',
      '2',
      '--cursor',
      page.cursor,
    );
    expect([...page.executions, ...next.executions].map(({ key }) => key).toSorted()).toEqual([
      'order:1',
      'order:2',
      'order:3',
    ]);

    const explained = (await on(test, 'explain', 'order:1')).stdout;
    expect(explained).toMatch(/order:1 {2}orders\.send {2}failed/);
    expect(explained).toMatch(/Error: 502 Bad Gateway\n[^]*Caused by Error: socket closed/);
    expect(explained).toContain('sends 1');
    expect(explained).not.toContain('card-4711');

    orders.isDown = false;
    expect(await on(test, 'retry', 'order:1')).toEqual({ stdout: 'Retried order:1\n', stderr: '', code: 0 });
    await until(async () => (await test.queue.get('order:1'))?.state === 'completed', 'the retry');
    expect(await on(test, 'retry', 'nothing')).toEqual({
      stdout: '',
      stderr: 'No ended execution nothing is known\n',
      code: 1,
    });
    expect(await on(test, 'retry', '--task', 'orders.send', '--error', '502')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^error: Retry 2 ended executions\? .*--yes/),
      code: 64,
    });
    expect(await on(test, 'retry', '--error', 'another', '--yes')).toMatchObject({ code: 0 });
    const all = await on(test, 'retry', '--error', '502', '--yes', '--wait', '--per-second', '100');
    expect(all).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Retrying 2 ended executions, as /) });
    await until(async () => (await test.queue.get('order:3'))?.state === 'completed', 'the bulk retry');

    expect(await on(test, 'forget', 'order:1')).toMatchObject({ stdout: 'Forgot order:1\n', code: 0 });
    expect(await on(test, 'forget', 'order:1')).toMatchObject({ stdout: '', code: 1 });
    const bulk = await json<{ count: number; execution: { key: string } }>(
      test,
      'forget',
      '--task',
      'orders.send',
      '--yes',
    );
    expect(bulk.count).toBe(2);
    const lines = (await on(test, 'watch', bulk.execution.key, '--json')).stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ task: 'tasks.forgetAll', state: 'completed' });
    expect(await test.queue.get('order:2')).toBeUndefined();
  });

  it('pauses and resumes the fleet, and says who has', async () => {
    await using test = await start({ worker: false });
    expect(await on(test, 'pause', '--reason', 'migration')).toMatchObject({ stderr: '', code: 0 });
    expect(await test.queue.isPaused()).toBe(true);
    expect((await on(test, 'stats')).stdout).toMatch(/^Paused since [\d-]+T[\d:]+Z by .+@.+: migration\n/);
    expect(await on(test, 'resume')).toEqual({ stdout: 'Resumed\n', stderr: '', code: 0 });
    expect(await on(test, 'resume')).toEqual({ stdout: '', stderr: 'The queue is not paused\n', code: 1 });
    expect(await test.queue.isPaused()).toBe(false);
  });

  it('strikes tasks by name and by typed values, and restores them', async () => {
    await using test = await start({ worker: false });
    const cases: readonly (readonly [args: readonly string[], strike: object])[] = [
      [
        ['unknown.task', '--yes', '--mode', 'hold', '--reason', 'why'],
        { task: 'unknown.task', mode: 'hold', reason: 'why' },
      ],
      [
        ['*', 'customer', '==', '12345', '--yes'],
        { task: null, parameter: 'customer', operator: '==', value: '12345' },
      ],
      [['a', 'n', '<', 'int:-5'], { operator: '<', value: -5 }],
      [
        ['a', 'day', 'between', 'date:2026-01-01', 'date:2026-02-01'],
        { value: [new Date('2026-01-01'), new Date('2026-02-01')] },
      ],
      [['a', 's', 'in', 'x', 'y', 'z'], { operator: 'in', value: ['x', 'y', 'z'] }],
    ];
    for (const [args, strike] of cases) {
      expect(await on(test, 'strike', ...args)).toMatchObject({ stderr: '', code: 0 });
      const [struck, ...others] = await test.queue.strikes();
      expect(others).toEqual([]);
      expect(struck).toMatchObject(strike);
      const { task, parameter, operator, value } = struck!;
      await test.queue.restore(task, parameter, operator, value);
    }
    await on(test, 'strike', 'a', 'n', '==', 'int:5', '--expires-in', '1d');
    expect(await json(test, 'strikes')).toMatchObject([
      { task: 'a', by: expect.stringContaining('@'), expiresAt: expect.any(String) },
    ]);
    expect((await on(test, 'strikes')).stdout).toMatch(/a where n == 5\s+drop/);
    expect(await on(test, 'restore', 'a', 'n', '==', 'int:6')).toMatchObject({ stdout: '', code: 1 });
    expect(await on(test, 'restore', 'a', 'n', '==', 'int:5')).toMatchObject({ stderr: '', code: 0 });
    expect(await test.queue.strikes()).toEqual([]);
  });

  it('adds the built-in tasks, and follows them to their ends', async () => {
    await using test = await start();
    const added = await json<{ execution: { key: string } }>(test, 'trace', 'hello there');
    await until(async () => (await test.queue.get(added.execution.key))?.state === 'completed', 'the trace');
    expect(test.logs.matching('log hello there')).toHaveLength(1);
    expect((await on(test, 'sleep', '0')).stdout).toMatch(/^Added tasks\.sleep as \S+\n$/);
    const failing = await json<{ execution: { key: string } }>(test, 'fail', 'boom');
    const watched = await on(test, 'watch', failing.execution.key);
    expect(watched).toMatchObject({ code: 1, stderr: `${failing.execution.key} ended failed: Error: boom\n` });
    expect(watched.stdout).toMatch(/^[\d-]+T[\d:]+Z {2}(?:queued|running|failed)/);
    expect(await on(test, 'watch', 'nothing')).toEqual({
      stdout: '',
      stderr: 'No execution nothing is known\n',
      code: 1,
    });
  });

  it('streams snapshots as NDJSON until SIGINT, which ends it with 130', async () => {
    await using test = await start({ worker: false });
    const args = [
      'snapshot',
      '--watch',
      '--interval',
      '100ms',
      '--json',
      '--name',
      test.fleet,
      '--prefix',
      space.prefix,
    ];
    const child = startCli(args, { env: { TASKS_URL: kind.url } });
    let output = '';
    child.stdout!.on('data', (data) => (output += String(data)));
    await until(() => output.split('\n').length > 3, 'three lines', 60_000);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    for (const line of output.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ executions: [], workers: [] });
  });
});
