import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import { startContext } from '../../../support/context.js';

/** Executions in a row during which a timer must have come. Without turns of the event loop it never does. */
const MOST = 5_000;

@Injectable()
class Chains {
  left = 0;

  constructor(private readonly queue: TaskQueue) {}

  @Durable('chains.echo')
  echo(what: unknown): unknown {
    return what;
  }

  /** Adds the next. */
  @Durable('chains.next')
  async next(): Promise<void> {
    this.left -= 1;
    if (this.left > 0) await this.queue.add(this.next)();
  }
}

async function start() {
  const test = await startContext({ queue: { url: 'memory://' } }, { providers: [Chains] });
  return Object.assign(test, { queue: test.context.get(TaskQueue), chains: test.context.get(Chains) });
}

describe('the memory broker leaves the event loop its turns', () => {
  it('while results are awaited in a loop', async () => {
    await using test = await start();
    const { queue, chains } = test;
    const timer = new AbortController();
    setTimeout(() => timer.abort(), 20);
    let runs = 0;
    while (!timer.signal.aborted && runs < MOST) {
      await (await queue.add(chains.echo)(runs)).result();
      runs += 1;
    }
    expect(timer.signal.aborted).toBe(true);
    expect(runs).toBeLessThan(MOST);
  });

  it('while executions add each other', async () => {
    await using test = await start();
    const { queue, chains } = test;
    chains.left = MOST;
    await queue.add(chains.next)();
    await nextTurn();
    await nextTurn();
    expect(chains.left).toBeGreaterThan(0);
    chains.left = 0;
  });

  it('while a long queue is worked off, and while it is cleared', async () => {
    await using test = await start();
    const { queue, chains } = test;
    const addAll = async (when: number): Promise<void> => {
      for (let at = 0; at < MOST; at += 1) await queue.add(chains.echo, { when })(at);
    };
    await addAll(0);
    await nextTurn();
    await nextTurn();
    expect((await queue.snapshot({ limit: 0 })).total).toBeGreaterThan(0);
    await queue.clear();

    await addAll(60_000);
    let isCleared = false;
    const clearing = queue.clear().then((count) => {
      isCleared = true;
      return count;
    });
    await nextTurn();
    expect(isCleared).toBe(false);
    expect(await clearing).toBe(MOST);
  });
});
