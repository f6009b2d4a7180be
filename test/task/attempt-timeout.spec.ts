import { describe, expect, it, jest } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { AttemptTimeout, NO_TIMEOUT } from '../../lib/task/attempt-timeout.js';

describe('AttemptTimeout', () => {
  it('has its limit, may get more, and is over once', () => {
    jest.useFakeTimers();
    try {
      const onExpire = jest.fn();
      const timeout = new AttemptTimeout(1_000, onExpire);
      expect(timeout.remaining).toBe(1_000);
      jest.advanceTimersByTime(900);
      timeout.extend();
      expect(timeout.remaining).toBe(1_100);
      timeout.extend('1s');
      jest.advanceTimersByTime(2_099);
      expect(onExpire).not.toHaveBeenCalled();
      jest.advanceTimersByTime(1);
      expect(onExpire.mock.calls).toEqual([[1_000]]);
      expect(timeout.remaining).toBe(0);
      timeout.extend();
      jest.advanceTimersByTime(10_000);
      expect(onExpire).toHaveBeenCalledTimes(1);
    } finally {
      jest.useRealTimers();
    }
  });

  it('refuses what is no duration', () => {
    const timeout = new AttemptTimeout(1_000, () => {});
    expect(() => timeout.extend('soon')).toThrow(TasksConfigError);
    timeout.clear();
    expect(timeout.remaining).toBe(0);
  });

  it('is endless where there is none', () => {
    NO_TIMEOUT.extend();
    expect(NO_TIMEOUT.remaining).toBe(Infinity);
  });
});
