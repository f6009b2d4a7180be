import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext, TaskQueue } from 'nestjs-tasks';
import { startContext } from '../support/context.js';

@Injectable()
class Sums {
  readonly attempts: number[] = [];
  constructor(private readonly context: TaskContext) {}

  @Durable('sums.add')
  add(a: number, b: number): Promise<number> {
    return Promise.resolve(a + b);
  }

  @Durable({ retry: { attempts: 3, delay: 5 } })
  flaky(until: number): string {
    this.attempts.push(this.context.attempt);
    if (this.context.attempt < until) throw new Error('not yet');
    return this.context.key;
  }
}

describe('TaskQueue in memory', () => {
  let stop: () => Promise<void>;
  afterEach(() => stop());

  async function start() {
    const { context } = await startContext({}, { providers: [Sums] });
    stop = () => context.close();
    return { queue: context.get(TaskQueue), sums: context.get(Sums) };
  }

  it('runs what is added, and gives its result', async () => {
    const { queue, sums } = await start();
    const execution = await queue.add(sums.add)(1, 2);
    expect(execution.disposition).toBe('scheduled');
    expect(await execution.result()).toBe(3);
    expect(execution.state).toBe('completed');
  });

  it('tries again', async () => {
    const { queue, sums } = await start();
    const execution = await queue.add(sums.flaky, { key: 'k' })(3);
    expect(await execution.result()).toBe('k');
    expect(sums.attempts).toEqual([1, 2, 3]);
    const failing = await queue.add('Sums.flaky', { key: 'k' })(4);
    await expect(failing.result()).rejects.toThrow('not yet');
    expect(failing.state).toBe('failed');
  });
});
