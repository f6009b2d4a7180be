import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../../lib/queue/broker/clock.js';

const DAY = 24 * 3_600_000;

describe('the system clock', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('calls back after more than a timer of Node.js can take', () => {
    const callback = jest.fn();
    systemClock.schedule(60 * DAY, callback);
    jest.advanceTimersByTime(60 * DAY - 1);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('does not call back when that was taken back, in whichever leg', () => {
    const callback = jest.fn();
    const cancel = systemClock.schedule(60 * DAY, callback);
    jest.advanceTimersByTime(40 * DAY);
    cancel();
    jest.advanceTimersByTime(40 * DAY);
    expect(callback).not.toHaveBeenCalled();
  });

  it('calls back soon for what is over', () => {
    const callback = jest.fn();
    systemClock.schedule(-5, callback);
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });
});
