import { describe, expect, it } from '@jest/globals';
import { RunTallies } from '../../../lib/queue/log/run-tallies.js';
import { readTallies } from '../../../lib/queue/log/task-tally.js';
import { VirtualClock } from '../../../lib/testing/virtual-clock.js';

const MINUTE = 60_000;
const START = 30_000_000;
const clockAt = (): VirtualClock => new VirtualClock(new Date(START * MINUTE));
const fieldsOf = (text = ''): Record<string, unknown> => Object.fromEntries(readTallies(text) ?? []);

describe('RunTallies', () => {
  it('closes a minute when it is over, and begins the next one with nothing', async () => {
    const clock = clockAt();
    const tallies = new RunTallies(clock);
    tallies.count('a', 'added');
    tallies.count('b', 'added');
    expect(tallies.closed()).toEqual([]);
    await clock.advance(MINUTE);
    tallies.count('b', 'cancelled');
    const [first, ...others] = tallies.closed();
    expect(others).toEqual([]);
    expect(first?.minute).toBe(START);
    expect(fieldsOf(first?.text)).toEqual({ a: { a: 1 }, b: { a: 1 } });
    expect(fieldsOf(tallies.current()?.text)).toEqual({ b: { x: 1 } });
    expect(tallies.current()?.number).not.toBe(first?.number);
  });

  it('keeps what is closed until it is said to be written, and not more than two hours of it', async () => {
    const clock = clockAt();
    const tallies = new RunTallies(clock);
    for (let minute = 0; minute < 200; minute += 1) {
      tallies.count('a', 'added');
      await clock.advance(MINUTE);
    }
    const closed = tallies.closed();
    expect([closed.length, closed.at(-1)?.minute]).toEqual([120, START + 199]);
    tallies.forget(closed[0]!);
    expect(tallies.closed()).toEqual(closed.slice(1));
  });

  it('counts an end of the former minute that comes late in the current one', async () => {
    const clock = clockAt();
    const tallies = new RunTallies(clock);
    await clock.advance(MINUTE);
    tallies.count('a', 'added');
    tallies.ended({ name: 'a', dueAt: 0, calledAt: START * MINUTE - 40, task: {} }, 'completed', START * MINUTE);
    expect(tallies.closed()).toEqual([]);
    expect(fieldsOf(tallies.current()?.text)).toEqual({ a: { a: 1, c: 1, u: [expect.any(Number), 1] } });
  });

  it('tells of the first count of a minute, once', async () => {
    const clock = clockAt();
    const tallies = new RunTallies(clock);
    let told = 0;
    tallies.onMinute = () => (told += 1);
    for (let minute = 0; minute < 3; minute += 1) {
      tallies.count('a', 'added');
      tallies.count('b', 'added');
      await clock.advance(MINUTE);
    }
    expect(told).toBe(3);
  });

  it('tells a listener of starts and ends, not of runs whose function was not called', () => {
    const tallies = new RunTallies(clockAt());
    const heard: unknown[] = [];
    tallies.listener = {
      started: (...args) => heard.push(args),
      ended: (...args) => heard.push(args),
    };
    const run = { name: 'a', dueAt: 1_000, calledAt: 1_250 };
    tallies.started(run);
    tallies.ended({ ...run, task: {} }, 'failed', 1_300);
    tallies.ended({ ...run, task: undefined }, 'dropped', 1_300);
    expect(heard).toEqual([
      ['a', 250],
      ['a', 'failed', 50],
    ]);
  });
});
