import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable, Logged, Perpetual, TaskContext, tasks } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Jobs {
  running = 0;
  most = 0;
  readonly done: unknown[] = [];
  auto = 0;
  constructor(readonly context: TaskContext) {}

  @Durable('jobs.limited')
  async limited(@ConcurrencyLimit(2) @Logged() customerId: string, n: number, card = 'secret'): Promise<number> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.running -= 1;
    this.done.push([customerId, n, card.length]);
    return n;
  }

  @Durable('jobs.order')
  order(customerId: string, amount: number): void {
    this.done.push([customerId, amount]);
  }

  @Durable('jobs.sum')
  sum(): unknown {
    return this.context.outcomes.map((outcome) => (outcome.status === 'succeeded' ? outcome.value : outcome.status));
  }

  @Durable('jobs.progress')
  progress(): void {
    this.context.progress.total(3);
    this.context.progress.increment();
    this.context.progress.message('one');
  }

  @Perpetual({ every: 50, automatic: true })
  automatic(): void {
    this.auto += 1;
  }
}

describe.each(BROKERS)('behaviours: $label', (kind) => {
  const space = brokerSpace(kind);
  async function start(options: QueueContextOptions = {}): Promise<QueueContext & { jobs: Jobs }> {
    const test = await startQueue(space, { providers: [Jobs] }, options);
    return Object.assign(test, { jobs: test.context.get(Jobs) });
  }

  it('limits, in order', async () => {
    await using test = await start();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => test.queue.add(test.jobs.limited)(n % 2 === 0 ? 'a' : 'b', n)),
    );
    await until(async () => (await test.queue.limits()).length > 0 || test.jobs.done.length === 20, 'pools');
    await Promise.all(all.map((execution) => execution.result({ timeout: '10s' })));
    expect(test.jobs.most).toBe(4);
    expect(test.jobs.done).toHaveLength(20);
    expect(test.logs.matching("customerId='a'").length).toBeGreaterThan(0);
    await test.queue.cancel('Jobs.automatic');
  });

  it('strikes and restores', async () => {
    await using test = await start();
    await test.queue.strike(test.jobs.order, 'amount', '>', 1000, { reason: 'fraud' });
    const struck = await test.queue.add(test.jobs.order)('x', 2000);
    expect([struck.disposition, struck.state, struck.reason]).toEqual([
      'struck',
      'dropped',
      'struck by that of jobs.order by amount >: fraud',
    ]);
    await expect(struck.result()).rejects.toThrow('fraud');
    await (await test.queue.add(test.jobs.order)('x', 500)).result();
    await test.queue.restore(test.jobs.order, 'amount', '>', 1000);
    await (await test.queue.add(test.jobs.order)('x', 2000)).result();
    expect(test.jobs.done).toEqual([
      ['x', 500],
      ['x', 2000],
    ]);
    await test.queue.strike(test.jobs.order, { mode: 'hold' });
    const held = await test.queue.add(test.jobs.order, { key: 'h' })('y', 1);
    expect(held.disposition).toBe('struck');
    await until(async () => (await held.refresh()).state === 'parked', 'it to be held');
    await test.queue.restore(test.jobs.order);
    await held.result({ timeout: '5s' });
    await expect(test.queue.strike(test.jobs.order, 'ammount', '>', 1)).rejects.toThrow('customerId, amount');
    await test.queue.cancel('Jobs.automatic');
  });

  it('follows, and shows progress', async () => {
    await using test = await start();
    const a = await test.queue.add(test.jobs.limited)('a', 1);
    const b = await test.queue.add(test.jobs.limited, { when: 100 })('b', 2);
    const c = await test.queue.add(tasks.fail)('on purpose');
    const sum = await test.queue.after([a, b, c]).add(test.jobs.sum)();
    expect(await sum.result({ timeout: '10s' })).toEqual([1, 2, 'failed']);
    const progress = await test.queue.add(test.jobs.progress)();
    await progress.result();
    expect(progress.progress).toEqual({ current: 1, total: 3, message: 'one' });
    await until(() => test.jobs.auto > 2, 'the automatic one');
    await test.queue.cancel('Jobs.automatic');
  });
});
