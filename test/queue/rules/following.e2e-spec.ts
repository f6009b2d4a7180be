import { describe, expect, it, jest } from '@jest/globals';
import { QUIET } from '../../../lib/queue/broker/broker.js';
import { Injectable } from '@nestjs/common';
import {
  Cooldown,
  Durable,
  ExecutionCancelledError,
  ExecutionDroppedError,
  Perpetual,
  TaskArgumentError,
  TaskContext,
  TaskNotRegisteredError,
  tasks,
  Execution,
  type ExecutionEvent,
  type ExecutionProgress,
} from 'nestjs-tasks';
import { FollowUps } from '../../../lib/queue/rules/follow-ups.js';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts, expectLines } from '../../support/expect-soon.js';
import { observe, startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { until } from '../../support/until.js';
import { openRawStore } from '../raw-store.js';

jest.setTimeout(30_000);

const HOUR = 3_600_000;
/** A third of it passes until a worker looks for what it has missed. */
const LEASE = 900;

interface Seen {
  readonly key: string;
  readonly name: string;
  readonly status: string;
  readonly value?: unknown;
  readonly error?: unknown;
}

@Injectable()
class Jobs {
  readonly summaries: Seen[][] = [];
  readonly progressBefore: unknown[] = [];
  readonly refusals: string[] = [];
  readonly step = [new Gate(), new Gate(), new Gate()];

  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('jobs.part')
  part(name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal);
  }

  @Durable('jobs.rich')
  rich(): unknown {
    return { at: new Date(5), all: new Map([['n', 7n]]) };
  }

  @Durable('jobs.cool')
  cool(@Cooldown('1h') what: string): string {
    return what;
  }

  /** What has come of the others. */
  @Durable('jobs.sum')
  sum(): unknown[] {
    const seen = this.context.outcomes.map((outcome) => ({ ...outcome }) as Seen);
    this.summaries.push(seen);
    return seen.map(({ status, value }) => (status === 'succeeded' ? value : status));
  }

  @Durable('jobs.sumAgain', { retry: { attempts: 2, delay: 0 } })
  sumAgain(): unknown[] {
    const sum = this.sum();
    if (this.context.attempt === 1) throw new Error('bad');
    return sum;
  }

  @Perpetual({ every: 10 })
  @Durable('jobs.thrice')
  thrice(run = 1): string {
    if (run === 3) this.context.perpetual.cancel();
    else this.context.perpetual.perpetuate(run + 1);
    return `run ${run}`;
  }

  @Durable('jobs.steps')
  async steps(): Promise<void> {
    const { progress } = this.context;
    progress.total(3);
    progress.message('one');
    progress.increment();
    await this.step[0]?.passed;
    progress.increment(2);
    progress.message(null);
    await this.step[1]?.passed;
    progress.increment();
    await this.step[2]?.passed;
  }

  @Durable('jobs.restarts', { retry: { attempts: 2, delay: 0 } })
  async restarts(): Promise<void> {
    const { progress, attempt } = this.context;
    this.progressBefore.push(progress.current);
    if (attempt === 2) {
      await this.step[0]?.passed;
      return;
    }
    progress.total(7);
    progress.increment(5);
    progress.message('first');
    throw new Error('bad');
  }

  @Durable('jobs.wrong')
  wrong(): void {
    const { progress } = this.context;
    const calls: (() => void)[] = [
      () => progress.total(0),
      () => progress.total(-1),
      () => progress.total(Number.NaN),
      () => progress.total('3' as unknown as number),
      () => progress.increment(0),
      () => progress.increment(-1),
      () => progress.increment(Infinity),
      () => progress.message(7 as unknown as string),
    ];
    for (const call of calls) {
      try {
        call();
        this.refusals.push('taken');
      } catch (error) {
        this.refusals.push((error as { code: string }).code);
      }
    }
  }

  @Durable('jobs.quiet')
  quiet(): void {}

  @Durable('jobs.count')
  count(): number {
    return this.context.outcomes.filter(({ status }) => status === 'succeeded').length;
  }
}

interface FollowingContext extends QueueContext {
  readonly jobs: Jobs;
  readonly inside: Turnstile;
}

async function startJobs(
  space: ReturnType<typeof brokerSpace>,
  options: QueueContextOptions = {},
): Promise<FollowingContext> {
  const test = await startQueue(space, { providers: [Jobs, Turnstile] }, { lease: LEASE, ...options });
  return { ...test, jobs: test.context.get(Jobs), inside: test.context.get(Turnstile) };
}

function parked(execution: Execution): Promise<unknown> {
  return until(async () => (await execution.refresh()).state === 'parked', `${execution.key} to be parked`);
}

describe.each(BROKERS)('an execution that follows others: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions): Promise<FollowingContext> => startJobs(space, options);

  /** What is written down of those that wait stays until a worker has looked: it must be gone then. */
  async function expectForgotten(test: FollowingContext): Promise<void> {
    await using observer = observe(space, test);
    await until(async () => ((await observer.maps.read('fan-ins'))?.entries.size ?? 0) === 0, 'all to be forgotten');
  }

  it('runs once, when the last of them has ended, with their results in order', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const parts = await Promise.all(['a', 'b', 'c'].map((name) => queue.add(jobs.part, { key: `part ${name}` })(name)));
    const sum = await queue.after(parts).add(jobs.sum, { key: 'sum' })();
    expect(sum.disposition).toBe('scheduled');
    await parked(sum);
    expect(sum).toMatchObject({ reason: 'waiting for the executions passed to queue.after()', attempt: 1 });
    await until(() => inside.names.length === 3, 'all parts to run');
    for (const name of ['c', 'a']) {
      inside.letOut(name);
      await parts['abc'.indexOf(name)]?.result();
    }
    expect((await sum.refresh()).state).toBe('parked');
    inside.letOut('b');
    expect(await sum.result({ timeout: '8s' })).toEqual(['a', 'b', 'c']);
    expect(jobs.summaries).toEqual([
      ['a', 'b', 'c'].map((name) => ({ key: `part ${name}`, name: 'jobs.part', status: 'succeeded', value: name })),
    ]);
    await expectCounts(queue, { started: 4, completed: 4 });
    await expectForgotten(test);
  });

  it('runs however they have ended', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const rich = await queue.add(jobs.rich)();
    const failed = await queue.add(tasks.fail)('on purpose');
    const cancelled = await queue.add(jobs.quiet, { when: '1h' })();
    await (await queue.add(jobs.cool)('x')).result();
    const dropped = await queue.add(jobs.cool)('x');
    await queue.strike(jobs.quiet, { reason: 'no more' });
    const struck = await queue.add(jobs.quiet)();
    const sum = await queue.after([rich, failed, cancelled, dropped, struck]).add(jobs.sum)();
    await parked(sum);
    await queue.restore(jobs.quiet);
    expect(await cancelled.cancel('not wanted')).toBe('cancelled');
    await sum.result({ timeout: '8s' });
    const [seen = []] = jobs.summaries;
    expect(seen.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'cancelled', 'discarded', 'discarded']);
    expect(seen.map(({ key }) => key)).toEqual([rich, failed, cancelled, dropped, struck].map(({ key }) => key));
    expect(seen[0]?.value).toEqual({ at: new Date(5), all: new Map([['n', 7n]]) });
    expect(seen[1]?.error).toMatchObject({ name: 'Error', message: 'on purpose' });
    expect(seen[2]?.error).toBeInstanceOf(ExecutionCancelledError);
    expect(seen[2]?.error).toMatchObject({ reason: 'not wanted' });
    expect(seen[3]?.error).toBeInstanceOf(ExecutionDroppedError);
    expect(seen[4]?.error).toBeInstanceOf(ExecutionDroppedError);
    expect(seen[4]?.error).toMatchObject({ reason: expect.stringContaining('no more') });
  });

  it('runs at once for those that had ended before', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    inside.open();
    const parts: Execution[] = [];
    for (const name of ['a', 'b']) parts.push(await queue.add(jobs.part)(name));
    for (const part of parts) await part.result();
    // One handle that knows, and one that does not.
    const late = await queue.get(parts[1]?.key ?? '');
    const sum = await queue.after([parts[0]!, late!]).add(jobs.sum)();
    expect(await sum.result({ timeout: '8s' })).toEqual(['a', 'b']);
    await expectForgotten(test);
  });

  it('runs at once after none', async () => {
    await using test = await start();
    expect(await (await test.queue.after([]).add(test.jobs.sum)()).result()).toEqual([]);
    expect(test.jobs.summaries).toEqual([[]]);
    expect(await (await test.queue.add(test.jobs.sum)()).result()).toEqual([]); // nor does any other have outcomes
  });

  it('shares one that it awaits with others', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const part = await queue.add(jobs.part)('a');
    const first = await queue.after([part]).add(jobs.sum)();
    const second = await queue.after([part, part]).add(jobs.sum)();
    await parked(first);
    await parked(second);
    inside.letOut('a');
    expect(await first.result({ timeout: '8s' })).toEqual(['a']);
    expect(await second.result({ timeout: '8s' })).toEqual(['a', 'a']);
  });

  it('can be followed itself', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const part = await queue.add(jobs.part)('a');
    const second = await queue.after([part]).add(jobs.sum)();
    const third = await queue.after([second, part]).add(jobs.sum)();
    inside.open();
    expect(await third.result({ timeout: '8s' })).toEqual([['a'], 'a']);
  });

  it('follows many', async () => {
    // A busy machine loses no lease of this length: a second run would be a second release.
    await using test = await start({ lease: 10_000 });
    const { queue, jobs, inside } = test;
    inside.open();
    const names = Array.from({ length: 60 }, (_, number) => `p${number}`);
    const parts = await Promise.all(names.map((name) => queue.add(jobs.part)(name)));
    const sum = await queue.after(parts).add(jobs.sum)();
    expect(await sum.result({ timeout: '15s' })).toEqual(names);
    expect(jobs.summaries).toHaveLength(1);
  });

  it('follows thousands', async () => {
    await using test = await start({ lease: 30_000, concurrency: 50 });
    const { queue, jobs } = test;
    const parts = await Promise.all(Array.from({ length: 2_000 }, () => queue.add(jobs.quiet)()));
    const sum = await queue.after(parts).add(jobs.count)();
    expect(await sum.result({ timeout: '150s' })).toBe(2_000);
    await expectForgotten(test);
  }, 200_000);

  it('has a key like any other: given twice, it follows once', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const part = await queue.add(jobs.part)('a');
    const other = await queue.add(jobs.part)('b');
    const first = await queue.after([part]).add(jobs.sum, { key: 'sum' })();
    const same = await queue.after([part]).add(jobs.sum, { key: 'sum' })();
    const unlike = await queue.after([other]).add(jobs.sum, { key: 'sum' })();
    expect([first, same, unlike].map(({ disposition }) => disposition)).toEqual([
      'scheduled',
      'already-scheduled',
      'already-scheduled',
    ]);
    await until(() => inside.names.length === 2, 'the parts to run');
    inside.letOut('a');
    expect(await first.result({ timeout: '8s' })).toEqual(['a']);
    inside.letOut('b');
    await queue.runUntilFinished();
    expect(jobs.summaries).toHaveLength(1);
    await expectForgotten(test);
  });

  it('does not run before its own time', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    inside.open();
    const part = await queue.add(jobs.part)('a');
    const sum = await queue.after([part]).add(jobs.sum, { when: '1h' })();
    await part.result();
    expect((await sum.refresh()).state).toBe('scheduled');
    await queue.clear();
    await expectForgotten(test);
    expect(jobs.summaries).toEqual([]);
  });

  it('keeps what has come of the others for its own retries', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    inside.open();
    const sum = await queue.after([await queue.add(jobs.part)('a')]).add(jobs.sumAgain)();
    expect(await sum.result({ timeout: '8s' })).toEqual(['a']);
    expect(jobs.summaries).toHaveLength(2);
    expect(jobs.summaries[0]).toEqual(jobs.summaries[1]);
  });

  it('can be cancelled while it waits, which leaves the others alone', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const part = await queue.add(jobs.part)('a');
    const sum = await queue.after([part]).add(jobs.sum)();
    await parked(sum);
    expect(await sum.cancel()).toBe('cancelled');
    await expect(sum.result()).rejects.toThrow(ExecutionCancelledError);
    inside.letOut('a');
    expect(await part.result()).toBe('a');
    await queue.runUntilFinished();
    expect(jobs.summaries).toEqual([]);
    await expectForgotten(test);
  });

  it.each(['running', 'scheduled'])('goes on when one is cancelled that is %s', async (state) => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const part = await queue.add(jobs.part, { ...(state === 'scheduled' && { when: '1h' }) })('a');
    const sum = await queue.after([part]).add(jobs.sum)();
    await parked(sum);
    if (state === 'running') await until(() => inside.names.length === 1, 'it to run');
    await part.cancel('not wanted');
    expect(await sum.result({ timeout: '8s' })).toEqual(['cancelled']);
  });

  it('goes on when one is cleared from the queue, and is cleared itself while it waits', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const part = await queue.add(jobs.part, { when: '1h' })('a');
    const sum = await queue.after([part]).add(jobs.sum)();
    await parked(sum);
    expect(await queue.clear()).toBe(2);
    await expect(sum.result()).rejects.toThrow(ExecutionCancelledError);
    await expectForgotten(test);
  });

  it('goes on when one is replaced, which it does not take for the same', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const part = await queue.add(jobs.part, { key: 'part', when: '1h' })('old');
    const sum = await queue.after([part]).add(jobs.sum)();
    await parked(sum);
    await queue.replace(jobs.part, { key: 'part', when: '1h' })('new');
    expect(await sum.result({ timeout: '8s' })).toEqual(['cancelled']);
    await queue.clear();
  });

  it('knows what it follows, when its key has another execution by now', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const first = await queue.add(jobs.part, { key: 'k' })('first');
    const other = await queue.add(jobs.part)('other');
    const sum = await queue.after([first, other]).add(jobs.sum)();
    await parked(sum);
    await until(() => inside.names.length === 2, 'both to run');
    inside.letOut('first');
    await first.result();
    await queue.add(jobs.part, { key: 'k' })('second');
    await until(() => inside.names.includes('second'), 'the second to run');
    inside.letOut('other');
    expect(await sum.result({ timeout: '8s' })).toEqual(['first', 'other']);
    inside.open();
    await queue.runUntilFinished();
  });

  it('follows a perpetual one when its chain has ended', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const sum = await queue.after([await queue.add(jobs.thrice)()]).add(jobs.sum)();
    expect(await sum.result({ timeout: '8s' })).toEqual(['run 3']);
  });

  it('may be a replacement, whose handle tells of it, and not of what it has replaced', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    await queue.add(jobs.part, { key: 'k' })('old');
    await until(() => inside.names.length === 1, 'the old one to run');
    const replaced = await queue.replace(jobs.part, { key: 'k', when: 0 })('new');
    const result = replaced.result({ timeout: '8s' });
    inside.letOut('old');
    await until(() => inside.names.includes('new'), 'the new one to run');
    inside.letOut('new');
    expect(await result).toBe('new');
  });

  it('follows executions only', async () => {
    await using test = await start({ worker: false });
    for (const executions of ['a key', null, ['key'], [{}]]) {
      expect(() => test.queue.after(executions as unknown as Execution[])).toThrow(TaskArgumentError);
    }
  });

  it('must be a task that is known', async () => {
    await using test = await start({ worker: false });
    expect(() => test.queue.after([]).add('jobs.smu')).toThrow(TaskNotRegisteredError);
  });
});

describe.each(BROKERS)('an agenda: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (): Promise<FollowingContext> => startJobs(space, { worker: false });
  const at = new Date(Date.now() + HOUR);
  const offsets = (executions: readonly Execution[]): number[] =>
    executions.map(({ when }) => when.getTime() - at.getTime());

  it('spreads its entries evenly over its time, in their order', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda();
    for (const name of ['a', 'b', 'c', 'd']) agenda.add(jobs.part, { key: name })(name);
    agenda.add('tasks.trace', { key: 'e', priority: 5 })('e');
    expect(agenda.size).toBe(5);
    expect((await queue.snapshot()).total).toBe(0);
    const executions = await agenda.scatter({ over: '100s', start: at });
    expect(offsets(executions)).toEqual([0, 25_000, 50_000, 75_000, 100_000]);
    expect(executions.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(executions.map(({ name }) => name)).toEqual([
      ...Array.from({ length: 4 }, () => 'jobs.part'),
      'tasks.trace',
    ]);
    expect(executions[4]?.priority).toBe(5);
    expect((await queue.get('c'))?.when).toEqual(new Date(at.getTime() + 50_000));
    expect((await queue.snapshot()).counts.scheduled).toBe(5);
    await queue.clear();
  });

  it('has a single one in the middle, two at the ends, and may be empty', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda();
    expect(await agenda.scatter({ over: '1h' })).toEqual([]);
    agenda.add(jobs.quiet)();
    expect(offsets(await agenda.scatter({ over: 1_000, start: at }))).toEqual([500]);
    agenda.add(jobs.quiet)();
    expect(offsets(await agenda.scatter({ over: 1_000, start: at }))).toEqual([0, 1_000]);
    agenda.clear();
    expect(agenda.size).toBe(0);
    expect(await agenda.scatter({ over: '1h' })).toEqual([]);
    await queue.clear();
  });

  it('begins now, unless told otherwise', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda();
    for (const name of ['a', 'b']) agenda.add(jobs.part)(name);
    const before = Date.now();
    const [first, last] = await agenda.scatter({ over: '1h' });
    const after = Date.now();
    expect(first?.when.getTime()).toBeGreaterThanOrEqual(before);
    expect(first?.when.getTime()).toBeLessThanOrEqual(after);
    expect(last!.when.getTime() - first!.when.getTime()).toBe(HOUR);
    await queue.clear();
  });

  it('moves them by chance within bounds, and never before its start', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda();
    for (let number = 0; number < 41; number += 1) agenda.add(jobs.quiet)();
    const moved = offsets(await agenda.scatter({ over: 40_000, start: at, jitter: 5_000 }));
    const shifts = moved.map((offset, index) => offset - index * 1_000);
    for (const [index, shift] of shifts.entries()) {
      expect(shift).toBeGreaterThanOrEqual(-Math.min(5_000, index * 1_000));
      expect(shift).toBeLessThanOrEqual(5_000);
    }
    expect(shifts.filter((shift) => shift === 0).length).toBeLessThan(20);
    expect(Math.max(...shifts)).toBeGreaterThan(1_000);
    expect(Math.min(...shifts)).toBeLessThan(-1_000);
    await queue.clear();
  });

  it('can be scattered again, and changes nothing where a key has not ended', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda().add(jobs.part, { key: 'stable' })('a').add(jobs.part)('b');
    const first = await agenda.scatter({ over: '1h', start: at });
    const second = await agenda.scatter({ over: '2h', start: new Date(at.getTime() + HOUR) });
    expect(first.map(({ disposition }) => disposition)).toEqual(['scheduled', 'scheduled']);
    expect(second.map(({ disposition }) => disposition)).toEqual(['already-scheduled', 'scheduled']);
    expect(second[0]?.when).toEqual(first[0]?.when);
    expect((await queue.snapshot()).total).toBe(3);
    await queue.clear();
  });

  it('adds what is not struck', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(jobs.part, 'name', '==', 'b');
    const agenda = queue.agenda();
    for (const name of ['a', 'b', 'c']) agenda.add(jobs.part)(name);
    const executions = await agenda.scatter({ over: '1h', start: at });
    expect(executions.map(({ disposition }) => disposition)).toEqual(['scheduled', 'struck', 'scheduled']);
    expect(offsets(executions)).toEqual([0, HOUR / 2, HOUR]);
    await queue.restore(jobs.part, 'name', '==', 'b');
    await queue.clear();
  });

  it('refuses an unknown task and what cannot travel at once, and adds nothing', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda().add(jobs.quiet)();
    expect(() => agenda.add('jobs.unknown')).toThrow(TaskNotRegisteredError);
    expect(() => agenda.add('jobs.part')(() => 1)).toThrow(TaskArgumentError);
    expect(() => agenda.add(jobs.part, { key: '' })('a')).toThrow(TaskArgumentError);
    expect([agenda.size, (await queue.snapshot()).total]).toEqual([1, 0]);
  });

  it('refuses a time, a start and a jitter that are none', async () => {
    await using test = await start();
    const agenda = test.queue.agenda().add(test.jobs.quiet)();
    for (const options of [
      { over: 0 },
      { over: -1 },
      { over: 'soon' },
      { over: undefined },
      { over: '1h', jitter: -1 },
      { over: '1h', start: new Date(Number.NaN) },
      { over: '1h', start: 'tomorrow' },
    ]) {
      await expect(agenda.scatter(options as { over: number })).rejects.toThrow(TaskArgumentError);
    }
    expect((await test.queue.snapshot()).total).toBe(0);
  });

  it('runs', async () => {
    await using test = await startJobs(space);
    const { queue, jobs, inside } = test;
    inside.open();
    const agenda = queue.agenda();
    for (const name of ['a', 'b', 'c']) agenda.add(jobs.part)(name);
    const executions = await agenda.scatter({ over: 150 });
    for (const execution of executions) {
      await execution.result({ timeout: '8s' });
      expect(Date.now()).toBeGreaterThanOrEqual(execution.when.getTime());
    }
    expect(inside.entered).toEqual(['a', 'b', 'c']);
  });
});

function watch(execution: Execution): { readonly events: ExecutionEvent[]; sees(progress: object): Promise<unknown> } {
  const events: ExecutionEvent[] = [];
  execution.events$.subscribe((event) => events.push(event));
  const shows = (expected: object, { progress }: ExecutionEvent): boolean =>
    JSON.stringify({ ...progress, message: progress?.message ?? null }) === JSON.stringify(expected);
  return {
    events,
    sees: (progress) => until(() => events.some((event) => shows(progress, event)), JSON.stringify(progress)),
  };
}

describe.each(BROKERS)('progress: $label', (kind) => {
  const space = brokerSpace(kind);

  it('is seen while it comes about, from another process too, and stays in the end', async () => {
    await using test = await startJobs(space);
    const { jobs } = test;
    const options = { fleet: test.fleet, worker: false } as const;
    await using other = kind.isShared ? await startQueue(space, {}, options) : undefined;
    const execution = await test.queue.add(jobs.steps, { key: 'k' })();
    expect(execution.progress).toEqual({ current: 0, total: 100, message: undefined });
    const seen = watch((await (other ?? test).queue.get('k'))!);
    await seen.sees({ current: 1, total: 3, message: 'one' });
    jobs.step[0]?.pass();
    await seen.sees({ current: 3, total: 3, message: null });
    jobs.step[1]?.pass();
    await seen.sees({ current: 4, total: 3, message: null }); // it may exceed the total
    expect(seen.events.every(({ state }) => state !== 'completed')).toBe(true);
    jobs.step[2]?.pass();
    await until(() => seen.events.at(-1)?.state === 'completed', 'its end');
    const ended: ExecutionProgress = { current: 4, total: 3, message: undefined };
    expect(seen.events.at(-1)?.progress).toEqual(ended);
    expect((await test.queue.get('k'))?.progress).toEqual(ended);
  });

  it('begins anew with each attempt', async () => {
    await using test = await startJobs(space);
    const { jobs, queue } = test;
    const execution = await queue.add(jobs.restarts)();
    await until(() => jobs.progressBefore.length === 2, 'the second attempt');
    expect(jobs.progressBefore).toEqual([0, 0]);
    expect((await execution.refresh()).progress).toEqual({ current: 0, total: 100, message: undefined });
    jobs.step[0]?.pass();
    await execution.result();
    expect(execution.progress).toEqual({ current: 0, total: 100, message: undefined });
  });

  it('takes numbers from 1, and texts', async () => {
    await using test = await startJobs(space);
    const execution = await test.queue.add(test.jobs.wrong)();
    await execution.result();
    expect(test.jobs.refusals).toEqual(Array.from({ length: 8 }, () => 'TASKS_CONFIG'));
    expect(execution.progress).toEqual({ current: 0, total: 100, message: undefined });
  });
});

describe.each(BROKERS)('the built-in tasks: $label', (kind) => {
  const space = brokerSpace(kind);

  it('trace leaves a line', async () => {
    await using test = await startJobs(space);
    const execution = await test.queue.add(tasks.trace, { key: 'k' })('System startup completed');
    expect(await execution.result()).toBeUndefined();
    await expectLines(
      () => test.logs.matching('System startup completed'),
      [
        "debug Execution k starts: tasks.trace(message='System startup completed') Tasks",
        'log System startup completed (k) BuiltInTasks',
      ],
    );
  });

  it('fail fails with the message', async () => {
    await using test = await startJobs(space);
    const execution = await test.queue.add('tasks.fail')('Testing error notification system');
    await expect(execution.result()).rejects.toThrow('Testing error notification system');
    expect([execution.state, execution.attempt]).toEqual(['failed', 1]);
  });

  it('sleep takes its time, and can be cancelled', async () => {
    await using test = await startJobs(space);
    const before = performance.now();
    await (await test.queue.add(tasks.sleep)(100)).result();
    expect(performance.now() - before).toBeGreaterThanOrEqual(80);
    const long = await test.queue.add(tasks.sleep)(HOUR);
    await until(async () => (await long.refresh()).state === 'running', 'it to run');
    expect(await long.cancel()).toBe('signalled');
    await expect(long.result()).rejects.toThrow(ExecutionCancelledError);
  });

  it('are there where nothing else is', async () => {
    await using test = await startQueue(space, {});
    if (!kind.isShared) expect(await (await test.queue.add(tasks.sleep)(1)).result()).toBeUndefined();
    await expect(test.queue.add(tasks.trace, { when: '1h' })('later')).resolves.toMatchObject({ name: 'tasks.trace' });
    await test.queue.clear();
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS) {
  describe(`an execution that follows others in a fleet: ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('may have been added by a process that only adds, and has left since', async () => {
      await using worker = await startJobs(space);
      const adder = await startJobs(space, { fleet: worker.fleet, worker: false });
      const parts = await Promise.all(['a', 'b'].map((name) => adder.queue.add(adder.jobs.part)(name)));
      const { key } = await adder.queue.after(parts).add(adder.jobs.sum)();
      await adder.context.close();
      const sum = await worker.queue.get(key);
      await parked(sum!);
      worker.inside.open();
      expect(await sum!.result({ timeout: '8s' })).toEqual(['a', 'b']);
    });

    it('follows what other workers run', async () => {
      await using one = await startJobs(space, { concurrency: 2 });
      await using two = await startJobs(space, { fleet: one.fleet, concurrency: 2 });
      const parts = await Promise.all(['a', 'b', 'c', 'd'].map((name) => one.queue.add(one.jobs.part)(name)));
      await until(() => one.inside.names.length + two.inside.names.length === 4, 'all to run');
      const sum = await two.queue.after(parts).add(two.jobs.sum)();
      one.inside.open();
      two.inside.open();
      expect(await sum.result({ timeout: '8s' })).toEqual(['a', 'b', 'c', 'd']);
      expect([...one.jobs.summaries, ...two.jobs.summaries]).toHaveLength(1);
    });

    it('knows how one ended whose worker could not tell any more, and whose record is gone', async () => {
      await using test = await startJobs(space);
      const followUps = test.context.get(FollowUps);
      // As if the worker had died between the two.
      jest.spyOn(followUps, 'afterRun').mockReturnValue(undefined);
      const part = await test.queue.add(test.jobs.part)('a');
      const sum = await test.queue.after([part]).add(test.jobs.sum)();
      await parked(sum);
      await until(() => followUps.concerns(Execution.recordOf(part)), 'the worker to know who waits');
      await using raw = await openRawStore(kind, space.prefix, test.fleet);
      await until(() => test.inside.names.length === 1, 'the part to run');
      test.inside.letOut('a');
      await until(() => test.queue.counts.completed === 1, 'the part to end');
      jest.restoreAllMocks();
      await raw.remove(part.id);
      expect(await sum.result({ timeout: '8s' })).toEqual(['a']);
    });

    it('knows how others ended where nothing is retained', async () => {
      await using one = await startJobs(space, { retention: 0 });
      await using two = await startJobs(space, { retention: 0, fleet: one.fleet });
      one.inside.open();
      two.inside.open();
      const sums = await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const names = ['a', 'b', 'c'].map((name) => `${name}${number}`);
          const parts = await Promise.all(names.map((name) => one.queue.add(one.jobs.part)(name)));
          const sum = await two.queue.after(parts).add(two.jobs.sum)();
          return { names, result: await sum.result({ timeout: '20s' }) };
        }),
      );
      for (const { names, result } of sums) expect(result).toEqual(names);
    });

    it('knows of a cancellation when no worker was there to see it, however long ago', async () => {
      await using adder = await startJobs(space, { worker: false, retention: 0 });
      const part = await adder.queue.add(adder.jobs.part, { when: '1h' })('a');
      const sum = await adder.queue.after([part]).add(adder.jobs.sum)();
      expect(await part.cancel('not wanted')).toBe('cancelled');
      await using observer = space.open(adder.fleet, { retention: 0 });
      await until(async () => {
        const [id] = (await observer.maps.read('fan-ins'))?.entries.keys() ?? [];
        return (await observer.maps.size(`${QUIET}fan-in:${id}`)) === 1;
      }, 'the outcome to be noted');
      await using worker = await startJobs(space, { fleet: adder.fleet });
      const known = await worker.queue.get(sum.key);
      expect(await known?.result({ timeout: '8s' })).toEqual(['cancelled']);
    });

    it('is woken soon by a cancellation in a process that has no worker', async () => {
      await using worker = await startJobs(space);
      await using adder = await startJobs(space, { fleet: worker.fleet, worker: false });
      const part = await adder.queue.add(adder.jobs.part, { when: '1h' })('a');
      const sum = await adder.queue.after([part]).add(adder.jobs.sum)();
      await parked(sum);
      await part.cancel();
      expect(await sum.result({ timeout: '8s' })).toEqual(['cancelled']);
    });
  });
}
