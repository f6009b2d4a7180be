import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { endWhenSilent, LastReply, PATIENCE, withPatience } from '../../../../lib/queue/broker/bullmq/patience.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** How often silence is measured. */
const TICK = 100;

const late = (): Error => new Error('no answer');

/** A call that is never answered. @returns what it has come to by now. */
function ask(lastReply: LastReply): { end: string | undefined } {
  const call: { end: string | undefined } = { end: undefined };
  withPatience(new Promise(() => {}), lastReply, late).catch((error: Error) => (call.end = error.message));
  return call;
}

describe('a call', () => {
  it('fails when the server has been silent since it was made', async () => {
    const lastReply = new LastReply();
    lastReply.note();
    await jest.advanceTimersByTimeAsync(PATIENCE);
    const call = ask(lastReply);
    await jest.advanceTimersByTimeAsync(PATIENCE - 1);
    expect(call.end).toBeUndefined();
    await jest.advanceTimersByTimeAsync(TICK + 1);
    expect(call.end).toBe('no answer');
  });

  it('waits in line as long as the server replies to others', async () => {
    const lastReply = new LastReply();
    const call = ask(lastReply);
    for (let time = 0; time < 10 * PATIENCE; time += 1_500) {
      await jest.advanceTimersByTimeAsync(1_500);
      lastReply.note();
    }
    expect(call.end).toBeUndefined();
    await jest.advanceTimersByTimeAsync(PATIENCE + 2 * TICK);
    expect(call.end).toBe('no answer');
  });

  it('has its time anew when the event loop was blocked, since replies may wait to be read', async () => {
    const call = ask(new LastReply());
    await jest.advanceTimersByTimeAsync(TICK);
    jest.setSystemTime(Date.now() + 60_000);
    jest.spyOn(performance, 'now').mockReturnValueOnce(performance.now() + 60_000);
    await jest.advanceTimersByTimeAsync(PATIENCE - 2 * TICK);
    expect(call.end).toBeUndefined();
  });

  it('shares one timer with those before it, and leaves none behind for long', async () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    const lastReply = new LastReply();
    for (let number = 0; number < 50; number += 1) {
      await expect(withPatience(Promise.resolve(number), lastReply, late)).resolves.toBe(number);
    }
    expect(timers).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(TICK);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps no process alive once it is answered', async () => {
    jest.useRealTimers();
    const before = process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    await withPatience(Promise.resolve(1), new LastReply(), late);
    expect(process.getActiveResourcesInfo().filter((type) => type === 'Timeout')).toHaveLength(before);
  });
});

describe('a connection', () => {
  it('is ended when it was asked something and says nothing', async () => {
    const stream = new PassThrough().on('error', () => {});
    endWhenSilent(stream, 2_000, () => true);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(stream.destroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(1_100);
    expect(stream.destroyed).toBe(true);
    await jest.advanceTimersByTimeAsync(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('may be silent as long as nobody asks, and is given its time from then on', async () => {
    let isAsked = false;
    const stream = new PassThrough().on('error', () => {});
    endWhenSilent(stream, 2_000, () => isAsked);
    await jest.advanceTimersByTimeAsync(60_000);
    isAsked = true;
    await jest.advanceTimersByTimeAsync(2_000);
    expect(stream.destroyed).toBe(false);
    stream.resume();
    stream.push('some of it');
    await jest.advanceTimersByTimeAsync(2_000);
    expect(stream.destroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(1_100);
    expect(stream.destroyed).toBe(true);
  });

  it('has its time anew when the whole machine stood still, with the reply on its way', async () => {
    const stream = new PassThrough().on('error', () => {});
    endWhenSilent(stream, 2_000, () => true);
    await jest.advanceTimersByTimeAsync(400);
    const clock = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => clock() + 60_000);
    await jest.advanceTimersByTimeAsync(1_300);
    expect(stream.destroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(1_500);
    expect(stream.destroyed).toBe(true);
    jest.restoreAllMocks();
  });
});
