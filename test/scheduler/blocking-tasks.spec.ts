import { describe, expect, it } from '@jest/globals';
import { startContext } from '../support/context.js';

function hold(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a task that holds the event loop', () => {
  it('is named once, with how long it took, whatever its name and however often it runs', async () => {
    await using one = await startContext({ blockingThreshold: 20 });
    for (const id of [1, 2, 3]) {
      await one.scheduler.task({ name: `resize_${id}` }).schedule(function resize() {
        hold(30);
      }).done;
    }
    const lines = one.logs.matching('blocked the event loop');
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn Task resize_1#\d+ blocked the event loop, and every request, for (3\d|[4-9]\d|\d{3,}) ms/,
      ),
    ]);
  });

  it('is told from another of the same name', async () => {
    await using one = await startContext({ blockingThreshold: 20 });
    const sends = [{ send: () => hold(25) }, { send: () => hold(26) }];
    for (const { send } of [...sends, ...sends]) await one.scheduler.schedule(send).done;
    expect(one.logs.matching('blocked the event loop')).toHaveLength(2);
  });

  it('is told from other functions without a name', async () => {
    await using one = await startContext({ blockingThreshold: 20 });
    const anonymous = [() => () => hold(25), () => () => hold(26)];
    for (const make of [...anonymous, ...anonymous]) await one.scheduler.schedule(make()).done;
    expect(one.logs.matching('blocked the event loop')).toHaveLength(2);
  });

  it('is named for what an async function does before it first waits, and when it throws', async () => {
    await using one = await startContext({ blockingThreshold: 20 });
    await one.scheduler.schedule(async function prepare() {
      hold(30);
      await Promise.resolve();
    }).done;
    await one.scheduler.schedule(function fails() {
      hold(30);
      throw new Error('no');
    }).done;
    expect(one.logs.matching('blocked the event loop')).toHaveLength(2);
  });

  it('is not named when it waits instead, below the threshold, or when nobody wants to know', async () => {
    await using one = await startContext();
    await one.scheduler.schedule(async function waits() {
      await new Promise((resolve) => setTimeout(resolve, 60));
    }).done;
    await one.scheduler.schedule(() => hold(5)).done;
    await using deaf = await startContext({ blockingThreshold: false });
    await deaf.scheduler.schedule(() => hold(60)).done;
    expect([...one.logs.matching('held'), ...deaf.logs.matching('held')]).toEqual([]);
  });

  it('is named above 50 ms by default', async () => {
    await using one = await startContext();
    await one.scheduler.schedule(() => hold(60)).done;
    expect(one.logs.matching('blocked the event loop')).toHaveLength(1);
  });
});
