import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskArgumentError, TaskContext, TaskQueue } from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectLines } from '../../support/expect-soon.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { during, until } from '../../support/until.js';
import { usageError } from '../../support/usage-error.js';

jest.setTimeout(60_000);

/** Time within which a pause is in force everywhere, in milliseconds: a second, and what a busy machine adds. */
const PAUSE_TIME = 2_000;

@Injectable()
class Jobs {
  readonly done: string[] = [];
  ticks = 0;

  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('jobs.note')
  note(what: string): void {
    this.done.push(what);
  }

  @Durable('jobs.stay')
  stay(name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal);
  }

  @Perpetual({ every: 50 })
  @Durable('jobs.tick')
  tick(): void {
    this.ticks += 1;
  }
}

@Injectable()
class Automatic {
  ticks = 0;

  @Perpetual({ every: 50, automatic: true })
  @Durable('jobs.automatic')
  tick(): void {
    this.ticks += 1;
  }
}

interface PauseContext extends QueueContext {
  readonly jobs: Jobs;
}

describe.each(BROKERS)('a pause of the queue: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options: QueueContextOptions = {}, providers: unknown[] = []): Promise<PauseContext> {
    const test = await startQueue(space, { providers: [Jobs, Turnstile, ...(providers as [])] }, options);
    return {
      ...test,
      jobs: test.context.get(Jobs),
      [Symbol.asyncDispose]: async () => {
        await test.queue.resume();
        await test.queue.clear();
        await test.context.close();
      },
    };
  }

  it('starts nothing, lets what runs go on, and accepts additions, until it is over', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const running = await queue.add(jobs.stay)('ada');
    await until(() => jobs.inside.names.length === 1, 'the run');
    expect(await queue.isPaused()).toBe(false);
    await queue.pause();
    expect(await queue.isPaused()).toBe(true);
    const [one, later] = [
      await queue.add(jobs.note)('one'),
      await queue.add(jobs.note, { when: new Date(Date.now() + 50) })('later'),
    ];
    expect(one.disposition).toBe('scheduled');
    jobs.inside.letOut('ada');
    expect(await running.result()).toBe('ada');
    await during(300, () => expect(jobs.done).toEqual([]));
    expect(['queued', 'scheduled']).toContain((await later.refresh()).state);
    expect((await one.refresh()).state).toBe('queued');

    expect(await queue.resume()).toBe(true);
    expect(await queue.resume()).toBe(false);
    await Promise.all([one.result(), later.result()]);
    expect(jobs.done.toSorted()).toEqual(['later', 'one']);
    expect(await queue.isPaused()).toBe(false);
  });

  it('begins in the middle of a backlog, with no attempt lost', async () => {
    await using test = await start({ concurrency: 1 });
    const { queue, jobs } = test;
    const executions = [];
    for (const name of ['a', 'b', 'c']) executions.push(await queue.add(jobs.stay)(name));
    await until(() => jobs.inside.names.includes('a'), 'the first');
    await queue.pause();
    jobs.inside.open();
    expect(await executions[0]?.result()).toBe('a');
    await during(300, () => expect(jobs.inside.entered).toEqual(['a']));
    await queue.resume();
    await Promise.all(executions.map((execution) => execution.result()));
    expect(jobs.inside.entered.toSorted()).toEqual(['a', 'b', 'c']);
    expect(executions.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  });

  it('piles no runs of a perpetual task up', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.add(jobs.tick, { key: 'tick' })();
    await until(() => jobs.ticks >= 2, 'some runs');
    await queue.pause();
    const atPause = jobs.ticks;
    await during(500, () => expect(jobs.ticks).toBeLessThanOrEqual(atPause + 1));
    expect((await queue.snapshot()).total).toBe(1);
    const before = jobs.ticks;
    const resumedAt = performance.now();
    await queue.resume();
    await until(() => jobs.ticks >= before + 3, 'further runs');
    // One at once, and one for each of the intervals since.
    expect(jobs.ticks - before).toBeLessThanOrEqual(2 + (performance.now() - resumedAt) / 50);
  });

  it('keeps the worker among those that are there, and shutdown quick', async () => {
    const lease = 300;
    const test = await start({ lease });
    const { queue } = test;
    await queue.pause();
    await until(async () => (await queue.workers()).length === 1, 'the worker');
    await during(3 * lease, async () => expect(await queue.workers()).toHaveLength(1));
    await queue.resume();
    await queue.pause();
    const closing = performance.now();
    await queue.resume();
    await test.context.close();
    expect(performance.now() - closing).toBeLessThan(10_000);
  });

  it('tells who has paused, why and since when', async () => {
    await using test = await start();
    const { queue } = test;
    expect(await queue.pauseState()).toBeUndefined();
    const before = Date.now();
    await queue.pause({ reason: 'partner down', by: 'ada' });
    const state = await queue.pauseState();
    expect(state).toEqual({ since: expect.any(Date), reason: 'partner down', by: 'ada' });
    expect(state?.since.getTime()).toBeGreaterThanOrEqual(before);
    await queue.pause();
    expect(await queue.pauseState()).toEqual({ since: expect.any(Date) });
    await queue.resume();
    expect(await queue.pauseState()).toBeUndefined();
  });

  it('says why in the log, and once', async () => {
    await using test = await start();
    const { queue, logs } = test;
    await queue.pause({ reason: 'partner down' });
    await queue.resume();
    await queue.pause();
    await queue.resume();
    const lines = (): string[] => logs.lines.filter((line) => line.includes('Queue '));
    await expectLines(lines, [
      expect.stringContaining('Queue paused: partner down'),
      expect.stringContaining('Queue resumed'),
      expect.stringContaining('Queue paused'),
      expect.stringContaining('Queue resumed'),
    ]);
  });

  it('refuses what it cannot use, and to wait for an end that cannot come', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await expect(queue.pause({ reason: 'x'.repeat(2_000) })).rejects.toThrow(TaskArgumentError);
    await expect(queue.pause({ reason: 5 as never })).rejects.toThrow(TaskArgumentError);
    await expect(queue.pause({ by: 'x'.repeat(201) })).rejects.toThrow(TaskArgumentError);
    await expect(queue.pause({ because: 'x' } as never)).rejects.toThrow(TaskArgumentError);
    expect(await queue.isPaused()).toBe(false);
    await queue.pause();
    await queue.add(jobs.note)('waiting');
    await expect(queue.runUntilFinished()).rejects.toThrow(usageError('QUEUE_PAUSED'));
  });
});

describe.each(SHARED_BROKERS)('a pause of the queue, in the whole fleet: $label', (kind) => {
  const space = brokerSpace(kind);
  const providers = [Jobs, Turnstile];

  it('is in force in another process within a second', async () => {
    const fleet = space.newQueue();
    await using worker = await startQueue(space, { providers }, { fleet });
    await using client = await startQueue(space, { providers }, { fleet, worker: false });
    const jobs = worker.context.get(Jobs);
    await (await client.queue.add(jobs.note)('before')).result();
    await client.queue.pause();
    const pausedAt = performance.now();
    await until(async () => {
      const execution = await client.queue.add(jobs.note)('probe');
      await during(100, () => {});
      return (await execution.refresh()).state === 'queued';
    }, 'the pause');
    expect(performance.now() - pausedAt).toBeLessThan(PAUSE_TIME);
    const known = jobs.done.length;
    await during(300, () => expect(jobs.done).toHaveLength(known));
    await client.queue.resume();
    await until(() => jobs.done.length > known, 'the rest');
    await until(async () => (await client.queue.snapshot()).total === 0, 'the end of all');
  });

  it('holds for a process that boots into it, and survives all of them', async () => {
    const fleet = space.newQueue();
    {
      await using first = await startQueue(space, { providers }, { fleet });
      await first.queue.pause({ reason: 'night' });
      await first.queue.add('jobs.note')('waiting');
    }
    await using second = await startQueue(space, { providers: [...providers, Automatic] }, { fleet });
    const [jobs, automatic] = [second.context.get(Jobs), second.context.get(Automatic)];
    await during(500, () => {
      expect(jobs.done).toEqual([]);
      expect(automatic.ticks).toBe(0);
    });
    expect((await second.queue.snapshot()).total).toBeLessThanOrEqual(2);
    await second.queue.resume();
    await until(() => jobs.done.length === 1 && automatic.ticks > 0, 'both');
    await second.queue.cancel('jobs.automatic');
  });

  it('may be an entry that nobody can read: it is a pause all the same', async () => {
    const fleet = space.newQueue();
    await using test = await startQueue(space, { providers }, { fleet });
    await test.broker.maps.write('pause', 'queue', '{"since":"yesterday"');
    await until(() => test.queue.isPaused(), 'the pause');
    expect(await test.queue.resume()).toBe(true);
  });
});

it('the queue that is paused is told apart by the types', () => {
  // @ts-expect-error a reason stands in an object
  const call = (queue: TaskQueue): Promise<void> => queue.pause('why');
  expect(call).toBeInstanceOf(Function);
});
