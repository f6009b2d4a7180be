import { describe, expect, it, jest } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { Durable, ExecutionCancelledError, Perpetual, TaskContext } from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts } from '../../support/expect-soon.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

/** Timers and clocks are that exact, in milliseconds. */
const TOLERANCE = 20;
/** A run that was late is followed in time all the same, and so sooner after its start. On a busy machine, in milliseconds. */
const LATENESS = 100;
const HOUR = 3_600_000;

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

  @Perpetual({ every: '1h' })
  @Durable('chains.hourly')
  hourly(...args: unknown[]): unknown {
    return this.note(args);
  }

  /** Until it is aborted. */
  @Perpetual({ every: 20 })
  @Durable('chains.polite')
  async polite(): Promise<void> {
    this.note([]);
    const { signal } = this.context;
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  @Perpetual({ cron: '* * * * * *' })
  @Durable('chains.secondly')
  secondly(): unknown {
    return this.note([]);
  }

  private note(args: readonly unknown[]): unknown {
    this.runs.push({ at: Date.now(), args, attempt: this.context.attempt });
    const act = this.acts.length > 1 ? this.acts.shift() : this.acts[0];
    return act?.();
  }

  get signal(): AbortSignal {
    return this.context.signal;
  }

  get perpetual(): TaskContext['perpetual'] {
    return this.context.perpetual;
  }
}

/** Runs when it is added, and once more. */
function createLastRun(): Type<{ readonly runs: number[] }> {
  const last = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_000);
  @Injectable()
  class LastRun {
    readonly runs: number[] = [];

    @Perpetual({ cron: last.toISOString().replace('.000', '') })
    @Durable('lastRun')
    run(): string {
      this.runs.push(Date.now());
      return `run ${this.runs.length}`;
    }
  }
  return LastRun;
}

describe.each(BROKERS)('a perpetual task: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options: QueueContextOptions = {}): Promise<QueueContext & { chains: Chains }> {
    const test = await startQueue(space, { providers: [Chains] }, options);
    return Object.assign(test, { chains: test.context.get(Chains) });
  }

  const seen = (chains: Chains, count: number): Promise<unknown> =>
    until(() => chains.runs.length >= count, `${count} runs`);

  it('has completed when its cron expression has no next run', async () => {
    const LastRun = createLastRun();
    await using test = await startQueue(space, { providers: [LastRun] });
    const execution = await test.queue.add('lastRun', { key: 'k' })();
    const { runs } = test.context.get(LastRun);
    expect(await execution.result({ timeout: '20s' })).toBe(`run ${runs.length}`);
    expect(runs.length).toBeLessThanOrEqual(2);
    expect((await test.queue.snapshot()).total).toBe(0);
  });

  it('runs again and again under its key, from start to start', async () => {
    await using test = await start();
    const { chains } = test;
    const added = Date.now();
    await test.queue.add(chains.tick, { key: 'k' })('a');
    await seen(chains, 5);
    expect(await test.queue.cancel('k')).not.toBe('not-found');
    const [{ at: first } = { at: 0 }] = chains.runs;
    // What one is late by is not added to those that follow.
    const addedAt = Math.min(added, first);
    for (const [index, { at }] of chains.runs.entries()) {
      expect(at - addedAt).toBeGreaterThanOrEqual(index * 100 - TOLERANCE);
    }
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

  it('ends when it is cancelled while it runs, though the run takes no notice', async () => {
    await using test = await start();
    const { chains, queue } = test;
    let finish = (): void => {};
    const isFinished = new Promise<void>((resolve) => (finish = resolve));
    let signal = new AbortController().signal;
    chains.acts.push(() => {
      signal = chains.signal;
      return isFinished.then(() => 'done');
    });
    const execution = await queue.add(chains.tick, { key: 'k' })();
    await seen(chains, 1);
    expect(await queue.cancel('k')).toBe('signalled');
    await until(() => signal.aborted, 'it to be told');
    finish();
    expect(await execution.result({ timeout: '5s' })).toBe('done');
    await queue.runUntilFinished();
    expect(chains.runs).toHaveLength(1);
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

  it('has one execution, and one record, however often it runs', async () => {
    await using test = await start();
    const { chains, queue } = test;
    chains.acts.push(() => {
      if (chains.runs.length < 20) chains.perpetual.after(0);
      else chains.perpetual.after('1h');
    });
    const execution = await queue.add(chains.tick, { key: 'k' })();
    await seen(chains, 20);
    await until(async () => (await execution.refresh()).state === 'scheduled', 'it to be far away');
    expect((await queue.snapshot()).total).toBe(1);
    expect((await queue.add(chains.tick, { key: 'k' })()).disposition).toBe('already-scheduled');
    expect((await execution.refresh()).attempt).toBe(1);
    await queue.cancel('k');
    await queue.runUntilFinished();
    await expectCounts(queue, { rescheduled: 20 });
  });

  it('changes its time for the next run alone', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => (chains.perpetual.every = 10),
      () => {},
      () => chains.perpetual.cancel(),
    );
    const execution = await test.queue.add(chains.tick, { key: 'k' })();
    await execution.result({ timeout: '5s' });
    const [first = 0, second = 0, third = 0] = chains.runs.map(({ at }) => at);
    expect(third - second).toBeGreaterThanOrEqual(50 - LATENESS);
    expect(third - first).toBeGreaterThanOrEqual(110 - LATENESS);
  });

  it.each<[string, (chains: Chains) => void]>([
    ['after()', (chains) => chains.perpetual.after(250)],
    ['at()', (chains) => chains.perpetual.at(new Date(Date.now() + 250))],
    ['every', (chains) => void (chains.perpetual.every = 250)],
  ])('heeds %s, also when the run fails, and the arguments too', async (_what, defer) => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => {
        defer(chains);
        chains.perpetual.perpetuate('next');
        throw new Error('bad');
      },
      () => chains.perpetual.cancel(),
    );
    const execution = await test.queue.add(chains.tick, { key: 'k' })('first');
    await execution.result({ timeout: '5s' });
    const [first, second] = chains.runs;
    // `every` counts from when the first was due, which may have started late, by 100 ms where it has to connect first.
    const lateness = first!.at - execution.addedAt.getTime();
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(250 - lateness);
    expect([first!.args, second!.args]).toEqual([['first'], ['next']]);
  });

  it('runs at once at a time that is past', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => chains.perpetual.at(new Date(0)),
      () => chains.perpetual.cancel(),
    );
    const execution = await test.queue.add(chains.hourly)();
    await execution.result({ timeout: '5s' });
    expect(chains.runs).toHaveLength(2);
  });

  it('fails a run that asks for a time that is none, and goes on', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(
      () => chains.perpetual.at(new Date(Number.NaN)),
      () => chains.perpetual.after('soon'),
      () => chains.perpetual.perpetuate(() => 1),
      () => chains.perpetual.cancel(),
    );
    const execution = await test.queue.add(chains.tick, { key: 'k' })();
    await execution.result({ timeout: '5s' });
    expect(chains.runs).toHaveLength(4);
    await expectCounts(test.queue, { failed: 3, completed: 1 });
  });

  it('cancels itself in a run that fails, and keeps the error', async () => {
    await using test = await start();
    const { chains } = test;
    chains.acts.push(() => {
      chains.perpetual.cancel();
      throw new Error('the last one');
    });
    const execution = await test.queue.add(chains.tick, { key: 'k' })();
    await expect(execution.result({ timeout: '5s' })).rejects.toThrow('the last one');
    expect(execution.state).toBe('failed');
    await test.queue.runUntilFinished();
    expect(chains.runs).toHaveLength(1);
  });

  it('runs at once after a run that took too long, and does not make up for those that it missed', async () => {
    await using test = await start();
    const { chains } = test;
    let isInside = false;
    let overlaps = 0;
    chains.acts.push(
      async () => {
        isInside = true;
        await new Promise((resolve) => setTimeout(resolve, 450));
        isInside = false;
      },
      () => {
        if (isInside) overlaps += 1;
      },
    );
    await test.queue.add(chains.tick, { key: 'k' })();
    await seen(chains, 4);
    await test.queue.cancel('k');
    const [first = 0, second = 0, third = 0, fourth = 0] = chains.runs.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(450 - LATENESS);
    // Of four that were missed, none is made up for.
    expect(fourth - second).toBeGreaterThanOrEqual(200 - 50 - LATENESS);
    expect(third - second).toBeGreaterThanOrEqual(50 - LATENESS);
    expect(overlaps).toBe(0);
  });

  it('keeps what has replaced it during a run, with its time', async () => {
    await using test = await start();
    const { chains, queue } = test;
    chains.acts.push(async () => {
      await queue.replace(chains.hourly, { key: 'k', when: '1h' })('new');
    });
    await queue.add(chains.hourly, { key: 'k' })('old');
    const execution = await until(async () => {
      const found = await queue.get('k');
      return found?.args[0] === 'new' && found;
    }, 'the replacement');
    expect(execution.state).toBe('scheduled');
    expect(execution.when.getTime()).toBeGreaterThan(Date.now() + HOUR / 2);
    expect(chains.runs.map(({ args }) => args)).toEqual([['old']]);
    expect((await queue.snapshot()).total).toBe(1);
    await queue.clear();
  });

  it('keeps what has replaced it during a run, also where the next run would follow at once', async () => {
    await using test = await start();
    const { chains, queue } = test;
    const next = (): void => chains.perpetual.after(0);
    chains.acts.push(async () => {
      await queue.replace(chains.hourly, { key: 'k', when: '1h' })('new');
      next();
    }, next);
    await queue.add(chains.hourly, { key: 'k' })('old');
    await until(async () => (await queue.get('k'))?.args[0] === 'new', 'the replacement');
    expect(chains.runs.map(({ args }) => args)).toEqual([['old']]);
    await queue.clear();
  });

  it('is replaced between runs, and goes on with the new arguments', async () => {
    await using test = await start();
    const { chains, queue } = test;
    chains.acts.push(
      () => {},
      () => chains.perpetual.after(0),
      () => chains.perpetual.cancel(),
    );
    await queue.add(chains.hourly, { key: 'k' })('old');
    await until(async () => (await queue.get('k'))?.state === 'scheduled' && chains.runs.length === 1, 'its run');
    const execution = await queue.replace(chains.hourly, { key: 'k', when: 0 })('new');
    await execution.result({ timeout: '5s' });
    expect(chains.runs.map(({ args }) => args)).toEqual([['old'], ['new'], ['new']]);
  });

  it('ends when it is cancelled during a run', async () => {
    await using test = await start();
    const { chains, queue } = test;
    const execution = await queue.add(chains.polite, { key: 'k' })();
    await seen(chains, 1);
    expect(await queue.cancel('k', 'enough')).toBe('signalled');
    await expect(execution.result({ timeout: '5s' })).rejects.toThrow(ExecutionCancelledError);
    await queue.runUntilFinished();
    expect(chains.runs).toHaveLength(1);
    expect((await queue.snapshot()).total).toBe(0);
  });

  it('ends when it is cancelled between runs', async () => {
    await using test = await start();
    const { chains, queue } = test;
    const execution = await queue.add(chains.hourly, { key: 'k' })();
    await until(async () => (await execution.refresh()).state === 'scheduled' && chains.runs.length === 1, 'its run');
    expect(execution.when.getTime()).toBeGreaterThan(Date.now() + HOUR / 2);
    expect(await queue.cancel('k')).toBe('cancelled');
    await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
  });

  it('holds up no shutdown when its next run is far away', async () => {
    const test = await start();
    const { chains, queue } = test;
    const execution = await queue.add(chains.hourly, { key: 'k' })();
    await until(async () => (await execution.refresh()).state === 'scheduled' && chains.runs.length === 1, 'its run');
    const before = performance.now();
    await test.context.close();
    expect(performance.now() - before).toBeLessThan(4_000);
  });

  it('holds up no script when its next run is far away', async () => {
    await using test = await start({ worker: false });
    const { chains, queue } = test;
    await queue.add(chains.hourly, { key: 'k' })();
    await queue.runAtMost({ k: 1 });
    expect(chains.runs).toHaveLength(1);
  });

  it('holds up no script when it has run as often already', async () => {
    await using test = await start();
    const { chains, queue } = test;
    const execution = await queue.add(chains.hourly, { key: 'k' })();
    await until(async () => (await execution.refresh()).state === 'scheduled' && chains.runs.length === 1, 'its run');
    const finished = queue.runAtMost({ k: 1 });
    finished.catch(() => {}); // where the test has failed before
    await until(async () => (await execution.refresh()).state === 'cancelled', 'it to be cancelled', 1_500);
    await finished;
    expect(chains.runs).toHaveLength(1);
  });

  it('runs each second by a cron expression of six fields', async () => {
    await using test = await start();
    const { chains, queue } = test;
    const execution = await queue.add(chains.secondly, { key: 'k' })();
    await seen(chains, 3);
    await until(async () => (await execution.refresh()).state === 'scheduled', 'the next one');
    expect(execution.when.getTime() % 1_000).toBe(0);
    await queue.cancel('k');
    // The first runs when it was added; the others when a second begins.
    const seconds = chains.runs.map(({ at }) => Math.floor((at + TOLERANCE) / 1_000));
    expect(new Set(seconds.slice(1)).size).toBe(2);
    expect(chains.runs[2]!.at - chains.runs[1]!.at).toBeLessThan(4_000);
  });
});

describe.each(BROKERS)('an automatic perpetual task: $label', (kind) => {
  const space = brokerSpace(kind);

  @Injectable()
  class Automatic {
    readonly runs: { readonly at: number; readonly args: readonly unknown[] }[] = [];
    readonly slots: number[] = [];

    @Perpetual({ every: 80, automatic: true })
    sweep(...args: unknown[]): void {
      this.runs.push({ at: Date.now(), args });
    }

    @Perpetual({ cron: '0 0 1 1 *', tz: 'UTC', automatic: true })
    @Durable('automatic.yearly')
    yearly(): void {
      this.slots.push(Date.now());
    }
  }

  async function start(options: QueueContextOptions = {}): Promise<QueueContext & { automatic: Automatic }> {
    const test = await startQueue(space, { providers: [Automatic] }, options);
    return Object.assign(test, { automatic: test.context.get(Automatic) });
  }

  it('begins by itself, under its name, without arguments', async () => {
    await using test = await start();
    const { automatic, queue } = test;
    await until(() => automatic.runs.length >= 3, 'three runs');
    expect(automatic.runs.every(({ args }) => args.length === 0)).toBe(true);
    expect(await queue.get('Automatic.sweep')).toMatchObject({ key: 'Automatic.sweep', name: 'Automatic.sweep' });
    expect((await queue.snapshot()).total).toBe(2);
    expect((await queue.add(automatic.sweep, { key: 'Automatic.sweep' })()).disposition).toBe('already-scheduled');
    await queue.clear();
  });

  it('waits for its slot, where it goes by a cron expression', async () => {
    await using test = await start();
    const { queue, automatic } = test;
    const yearly = await until(() => queue.get('automatic.yearly'), 'it to begin');
    const year = new Date().getUTCFullYear() + 1;
    expect([yearly.state, yearly.when]).toEqual(['scheduled', new Date(`${year}-01-01T00:00:00Z`)]);
    expect(automatic.slots).toEqual([]);
    await queue.clear();
  });

  it('does not begin in a process that only adds', async () => {
    await using test = await start({ worker: false });
    expect((await test.queue.snapshot()).total).toBe(0);
    expect(test.automatic.runs).toEqual([]);
  });

  it('stops while it is struck, and goes on in the same worker when it is restored', async () => {
    await using test = await start();
    const { automatic, queue } = test;
    await until(() => automatic.runs.length >= 2, 'two runs');
    await queue.strike(automatic.sweep);
    await until(() => queue.counts.struck >= 2, 'two runs to be skipped');
    const { length } = automatic.runs;
    await until(() => queue.counts.struck >= 4, 'two more to be skipped');
    expect(automatic.runs).toHaveLength(length);
    await queue.restore(automatic.sweep);
    await until(() => automatic.runs.length >= length + 2, 'two more runs');
    await queue.clear();
  });

  it('does not begin while it is struck, and begins soon after it is restored', async () => {
    await using adder = await start({ worker: false });
    await adder.queue.strike('Automatic.sweep');
    if (!kind.isShared) {
      // There, the process that only adds is the whole fleet: now it is to work.
      const finished = adder.queue.runUntilFinished();
      await until(() => adder.logs.matching('Automatic.sweep is not started').length > 0, 'it to be found struck');
      expect(await adder.queue.get('Automatic.sweep')).toBeUndefined();
      await adder.queue.restore('Automatic.sweep');
      await until(() => adder.automatic.runs.length >= 2, 'two runs', 5_000);
      await adder.queue.strike('Automatic.sweep');
      await adder.queue.strike('automatic.yearly');
      await until(async () => (await adder.queue.clear()) === 0, 'all to be cleared');
      await finished;
      await adder.queue.restore('Automatic.sweep');
      await adder.queue.restore('automatic.yearly');
      await adder.queue.clear();
      return;
    }
    await using test = await start({ fleet: adder.fleet });
    await until(() => test.queue.get('automatic.yearly'), 'the other to begin'); // which comes after it
    expect(await test.queue.get('Automatic.sweep')).toBeUndefined();
    expect(test.automatic.runs).toEqual([]);
    await adder.queue.restore('Automatic.sweep');
    await until(() => test.automatic.runs.length >= 2, 'two runs', 5_000);
    expect(test.logs.matching('Started automatic perpetual task Automatic.sweep')).toEqual([
      'log Started automatic perpetual task Automatic.sweep Tasks',
    ]);
    await test.queue.clear();
  });

  // In memory every process has a fleet of its own.
  if (SHARED_BROKERS.includes(kind)) {
    it('begins once, however many processes start at once, and has one chain', async () => {
      const fleet = space.newQueue();
      const processes = await Promise.all(Array.from({ length: 4 }, () => start({ fleet })));
      const runs = (): Automatic['runs'] =>
        processes.flatMap(({ automatic }) => automatic.runs).toSorted((a, b) => a.at - b.at);
      await until(() => runs().length >= 8, 'eight runs');
      const all = runs();
      // Two chains would run twice as often.
      expect(all.at(-1)!.at - all[0]!.at).toBeGreaterThanOrEqual((all.length - 1) * 80 - 40 - LATENESS);
      const [one] = processes;
      expect((await one!.queue.snapshot()).total).toBe(2);
      await one!.queue.clear();
      await Promise.all(processes.map(({ context }) => context.close()));
    });

    it('goes on in another process when the one that ran it has left', async () => {
      const one = await start();
      await until(() => one.automatic.runs.length >= 2, 'two runs');
      await using two = await start({ fleet: one.fleet });
      await one.context.close();
      await until(() => two.automatic.runs.length >= 2, 'two runs elsewhere');
      expect(two.logs.matching('Started automatic perpetual task')).toEqual([]);
      await two.queue.clear();
    });
  }
});
