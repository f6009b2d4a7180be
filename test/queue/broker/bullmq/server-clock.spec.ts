import { describe, expect, it } from '@jest/globals';
import { ServerClock } from '../../../../lib/queue/broker/bullmq/server-clock.js';

async function clockBehind(milliseconds: number): Promise<ServerClock> {
  const clock = new ServerClock(() => Promise.resolve(Date.now() - milliseconds));
  await clock.synchronize();
  return clock;
}

describe('the clock of a server', () => {
  it.each([0, 10, 40])('gives claims the time of this process, when it is %s ms behind', async (behind) => {
    const clock = await clockBehind(behind);
    const before = Date.now();
    expect(clock.nowForClaims()).toBeGreaterThanOrEqual(before);
  });

  it.each([100, 60_000])('keeps its own time for claims, when it is %s ms behind', async (behind) => {
    const clock = await clockBehind(behind);
    expect(clock.nowForClaims()).toBeLessThan(Date.now() - behind / 2);
  });

  it('keeps its own time for claims, when it is ahead', async () => {
    const clock = await clockBehind(-30_000);
    expect(clock.nowForClaims()).toBeGreaterThan(Date.now() + 20_000);
  });
});
