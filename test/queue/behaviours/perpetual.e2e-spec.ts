import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

interface Run {
  readonly at: number;
  readonly args: readonly unknown[];
  readonly attempt: number;
}

@Injectable()
class Chains {
  readonly runs: Run[] = [];
  /** What each run does, in turn; the last one again and again. */
  readonly acts: (() => unknown)[] = [];

  constructor(private readonly context: TaskContext) {}

  @Perpetual({ every: 100 })
  tick(...args: unknown[]): unknown {
    return this.note(args);
  }

  @Perpetual()
  @Durable('chains.retried', { retry: { attempts: 2, delay: 20, backoff: 'fixed' } })
  retried(...args: unknown[]): unknown {
    return this.note(args);
  }

  private note(args: readonly unknown[]): unknown {
    this.runs.push({ at: Date.now(), args, attempt: this.context.attempt });
    const act = this.acts.length > 1 ? this.acts.shift() : this.acts[0];
    return act?.();
  }

  get perpetual(): TaskContext['perpetual'] {
    return this.context.perpetual;
  }
}

describe.each(BROKERS)('a perpetual task: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options: QueueContextOptions = {}): Promise<QueueContext & { chains: Chains }> {
    const test = await startQueue(space, { providers: [Chains] }, options);
    return Object.assign(test, { chains: test.context.get(Chains) });
  }

  const seen = (chains: Chains, count: number): Promise<unknown> =>
    until(() => chains.runs.length >= count, `${count} runs`);

  it('runs again and again under its key, from start to start', async () => {
    await using test = await start();
    const { chains } = test;
    await test.queue.add(chains.tick, { key: 'k' })('a');
    await seen(chains, 5);
    expect(await test.queue.cancel('k')).not.toBe('not-found');
    const gaps = chains.runs.slice(1, 5).map(({ at }, index) => at - (chains.runs[index]?.at ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThan(60);
    const all = (chains.runs[4]?.at ?? 0) - (chains.runs[0]?.at ?? 0);
    expect(all).toBeLessThan(2_000);
    expect(chains.runs.every(({ args }) => args[0] === 'a')).toBe(true);
  });

  it('goes on after a failure', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(() => {
      throw new Error('bad run');
    });
    await test.queue.add(chains.tick, { key: 'k' })();
    await seen(chains, 3);
    expect((await test.queue.get('k'))?.error?.message).toBe('bad run');
    await test.queue.cancel('k');
    expect(test.queue.counts.failed).toBeGreaterThanOrEqual(2);
    expect(test.logs.matching('bad run').length).toBeGreaterThanOrEqual(2);
  });

  it('retries first, and then goes on', async () => {
    await using test = await start();
    const { chains } = test;
    const fail = (): never => {
      throw new Error('bad');
    };
    chains.acts.push(fail, fail, () => {
      chains.perpetual.cancel();
    });
    const execution = await test.queue.add(chains.retried, { key: 'k' })();
    await execution.result({ timeout: '5s' });
    expect(chains.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  it('cancels itself, and keeps the result of that run', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => {},
      () => {},
      () => {
        chains.perpetual.cancel();
        return 'done';
      },
    );
    const execution = await test.queue.add(chains.tick, { key: 'k' })();
    expect(await execution.result({ timeout: '5s' })).toBe('done');
    expect(chains.runs).toHaveLength(3);
    await test.queue.runUntilFinished();
  });

  it('changes its arguments and its time', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => {
        chains.perpetual.perpetuate('aa', 2);
        chains.perpetual.after(10);
      },
      () => {
        chains.perpetual.every = 10;
        chains.perpetual.perpetuate('aaa', new Date(0));
      },
      () => chains.perpetual.at(new Date(Date.now() + 10)),
      () => chains.perpetual.cancel(),
    );
    const execution = await test.queue.add(chains.tick, { key: 'k' })('a', 1);
    await execution.result({ timeout: '5s' });
    expect(chains.runs.map(({ args }) => args)).toEqual([
      ['a', 1],
      ['aa', 2],
      ['aaa', new Date(0)],
      ['aaa', new Date(0)],
    ]);
  });

  it('runs at most so often where a test says so', async () => {
    await using test = await start();
    const { chains } = test;
    await test.queue.add(chains.tick, { key: 'k' })();
    await test.queue.runAtMost({ k: 3 });
    expect(chains.runs).toHaveLength(3);
  });
});
