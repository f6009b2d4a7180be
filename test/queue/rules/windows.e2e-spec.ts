import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Cooldown,
  Debounce,
  Durable,
  ExecutionDroppedError,
  Perpetual,
  RateLimit,
  TaskContext,
  type Execution,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts } from '../../support/expect-soon.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { during, until } from '../../support/until.js';

jest.setTimeout(30_000);

/** Clocks of broker and worker, and timers, are that exact, in milliseconds. */
const TOLERANCE = 80;

interface Run {
  readonly what: string;
  readonly at: number;
  readonly attempt: number;
}

/** What has run, and when. */
@Injectable()
class Runs {
  readonly all: Run[] = [];

  constructor(protected readonly context: TaskContext) {}

  protected note(...what: unknown[]): string {
    const text = what.map(String).join(' ');
    this.all.push({ what: text, at: Date.now(), attempt: this.context.attempt });
    return text;
  }

  get texts(): string[] {
    return this.all.map(({ what }) => what);
  }

  startOf(what: string): number {
    return this.all.find((run) => run.what === what)?.at ?? Number.NaN;
  }
}

const PER = 300;
const RETRY = { attempts: 4, delay: 0, backoff: 'fixed' } as const;

@Injectable()
class Rates extends Runs {
  /** Not the first parameter: values come by position. */
  @Durable('rates.later')
  later(number: number, @RateLimit(2, { per: PER }) customer: string): string {
    return this.note(customer, number);
  }

  @RateLimit(1, { per: '1h' })
  @Durable('rates.inAll')
  inAll(number: number): string {
    return this.note(number);
  }

  @Durable('rates.dropped')
  dropped(@RateLimit(2, { per: '1h', drop: true }) customer: string, number: number): string {
    return this.note(customer, number);
  }

  @Durable('rates.other')
  other(@RateLimit(1, { per: '1h', drop: true }) customer: string): string {
    return this.note('other', customer);
  }

  @Durable('rates.scoped')
  scoped(@RateLimit(1, { per: '1h', drop: true, scope: 'api' }) customer: string): string {
    return this.note('scoped', customer);
  }

  @Durable('rates.scopedToo')
  scopedToo(@RateLimit(1, { per: '1h', drop: true, scope: 'api' }) account: string): string {
    return this.note('scopedToo', account);
  }

  @Durable('rates.two')
  two(@RateLimit(1, { per: '1h', drop: true }) a: string, @RateLimit(1, { per: '2h', drop: true }) b: string): string {
    return this.note(a, b);
  }

  @Durable('rates.retriedLater', { retry: RETRY })
  retriedLater(@RateLimit(2, { per: PER }) customer: string): string {
    this.note(customer);
    if (this.context.attempt < 4) throw new Error('bad');
    return 'done';
  }

  @Durable('rates.retriedOver', { retry: RETRY })
  retriedOver(@RateLimit(2, { per: '1h', drop: true }) customer: string): never {
    this.note(customer);
    throw new Error('bad');
  }

  @Perpetual({ every: 20 })
  @RateLimit(2, { per: '1h', drop: true })
  @Durable('rates.perpetual')
  perpetual(): string {
    return this.note('perpetual');
  }
}

@Injectable()
class Cooldowns extends Runs {
  @Durable('cooldowns.brief')
  brief(number: number, @Cooldown(PER) account: string): string {
    return this.note(account, number);
  }

  @Durable('cooldowns.long')
  long(@Cooldown('1h') account: string): string {
    return this.note('long', account);
  }

  @Durable('cooldowns.other')
  other(@Cooldown('1h') account: string): string {
    return this.note('other', account);
  }

  @Durable('cooldowns.scoped')
  scoped(@Cooldown('1h', { scope: 'mail' }) account: string): string {
    return this.note('scoped', account);
  }

  @Durable('cooldowns.scopedToo')
  scopedToo(@Cooldown('1h', { scope: 'mail' }) customer: string): string {
    return this.note('scopedToo', customer);
  }

  @Cooldown('1h')
  @Durable('cooldowns.inAll')
  inAll(number: number): string {
    return this.note(number);
  }

  @Durable('cooldowns.two')
  two(@Cooldown('1h') a: string, @Cooldown('1h') b: string): string {
    return this.note(a, b);
  }

  @Durable('cooldowns.retried', { retry: RETRY })
  retried(@Cooldown('1h') account: string): string {
    this.note(account);
    if (this.context.attempt < 3) throw new Error('bad');
    return 'done';
  }

  @Durable('cooldowns.failing')
  failing(@Cooldown('1h') account: string): never {
    this.note(account);
    throw new Error('bad');
  }
}

const QUIET = 150;

@Injectable()
class Debounces extends Runs {
  @Durable('debounces.index')
  index(version: number, @Debounce(QUIET) document: string): string {
    return this.note(document, version);
  }

  /** Quiet for as long as a cancellation takes on a busy machine. */
  @Durable('debounces.slow')
  slow(version: number, @Debounce(1_500) document: string): string {
    return this.note(document, version);
  }

  @Durable('debounces.limited')
  limited(@Debounce(300, { maxWait: 450 }) document: string, version: number): string {
    return this.note(document, version);
  }

  @Debounce(QUIET)
  @Durable('debounces.inAll')
  inAll(number: number): string {
    return this.note(number);
  }

  @Durable('debounces.other')
  other(@Debounce(QUIET) document: string): string {
    return this.note('other', document);
  }

  @Durable('debounces.scoped')
  scoped(@Debounce(QUIET, { scope: 'search' }) document: string): string {
    return this.note('scoped', document);
  }

  @Durable('debounces.scopedToo')
  scopedToo(@Debounce(QUIET, { scope: 'search' }) page: string): string {
    return this.note('scopedToo', page);
  }

  @Durable('debounces.retried', { retry: RETRY })
  retried(@Debounce(QUIET) document: string, version: number): string {
    this.note(document, version);
    if (this.context.attempt < 3) throw new Error('bad');
    return 'done';
  }
}

type WindowsContext = QueueContext & Record<'rates', Rates> & Record<'cooldowns', Cooldowns> & { debounces: Debounces };

async function startWindows(
  space: ReturnType<typeof brokerSpace>,
  options: QueueContextOptions = {},
): Promise<WindowsContext> {
  const test = await startQueue(space, { providers: [Rates, Cooldowns, Debounces] }, options);
  const { context } = test;
  return { ...test, rates: context.get(Rates), cooldowns: context.get(Cooldowns), debounces: context.get(Debounces) };
}

async function expectDropped(execution: Execution, reason: string): Promise<void> {
  const result = execution.result({ timeout: '8s' });
  await expect(result).rejects.toThrow(ExecutionDroppedError);
  await expect(result).rejects.toThrow(reason);
  expect(execution).toMatchObject({ state: 'dropped', reason });
}

describe.each(BROKERS)('windows: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions): Promise<WindowsContext> => startWindows(space, options);

  describe('a rate limit', () => {
    it('puts off what is over it, for each value, in order, until there is room', async () => {
      await using test = await start();
      const { queue, rates } = test;
      const executions: Execution[] = [];
      for (const number of [1, 2]) {
        executions.push(await queue.add(rates.later)(number, 'a'));
        // Those that come at the very same moment may swap their places on PostgreSQL.
        await until(() => rates.all.length === number, 'it to run');
      }
      const third = await queue.add(rates.later)(3, 'a');
      await until(async () => (await third.refresh()).reason !== undefined, 'it to be put off');
      const reason = `rate limit reached for customer (2 starts in ${PER}ms)`;
      expect(third.reason).toBe(reason);
      for (const number of [4, 5]) {
        const next = await queue.add(rates.later, { key: `k${number}` })(number, 'a');
        // Those that come at the very same moment may swap their places on PostgreSQL.
        await until(async () => (await next.refresh()).reason !== undefined, 'it to be put off');
        executions.push(next);
      }
      for (const number of [1, 2]) executions.push(await queue.add(rates.later)(number, 'b'));
      await Promise.all([third, ...executions].map((execution) => execution.result()));
      expect(rates.texts.filter((text) => text.startsWith('a'))).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5']);
      const starts = [1, 2, 3, 4, 5].map((number) => rates.startOf(`a ${number}`));
      for (const at of [0, 1, 2]) expect(starts[at + 2]! - starts[at]!).toBeGreaterThanOrEqual(PER - TOLERANCE);
      expect(rates.startOf('b 2')).toBeLessThan(rates.startOf('a 5'));
      await expectCounts(queue, { started: 7, completed: 7, dropped: 0, parked: 0 });
      // Each is put off once, and once more where the one before it has started later than it was to.
      expect(queue.counts.delayed).toBeGreaterThanOrEqual(3);
      expect(queue.counts.delayed).toBeLessThanOrEqual(6);
      expect(test.logs.matching('rates.later (k4) is delayed')).toEqual([
        expect.stringMatching(
          /^debug Execution rates\.later \(k4\) is delayed until \d{4}-.*Z: rate limit reached for customer/,
        ),
      ]);
    });

    it('keeps the key, the state and the attempt of one that it puts off, which can be cancelled', async () => {
      await using test = await start();
      const { queue, rates } = test;
      await (await queue.add(rates.inAll)(1)).result();
      const second = await queue.add(rates.inAll, { key: 'k' })(2);
      await until(async () => (await second.refresh()).state === 'scheduled', 'it to be put off');
      expect(second).toMatchObject({ attempt: 1, reason: 'rate limit reached for task rates.inAll (1 start in 1h)' });
      expect(second.when.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
      expect((await queue.add(rates.inAll, { key: 'k' })(3)).disposition).toBe('already-scheduled');
      expect((await queue.snapshot()).counts).toMatchObject({ scheduled: 1, parked: 0 });
      expect(await queue.cancel('k')).toBe('cancelled');
      expect(rates.texts).toEqual(['1']);
    });

    it('drops what is over it, where it is told to', async () => {
      await using test = await start();
      const { queue, rates } = test;
      for (const number of [1, 2]) await (await queue.add(rates.dropped)('a', number)).result();
      const third = await queue.add(rates.dropped, { key: 'k' })('a', 3);
      await expectDropped(third, 'rate limit reached for customer (2 starts in 1h)');
      await (await queue.add(rates.dropped)('b', 4)).result();
      expect(rates.texts).toEqual(['a 1', 'a 2', 'b 4']);
      await expectCounts(queue, { dropped: 1, delayed: 0 });
      expect(test.logs.matching('rates.dropped (k)')).toEqual([
        'warn Execution rates.dropped (k) was dropped: rate limit reached for customer (2 starts in 1h) Tasks',
      ]);
      expect((await queue.add(rates.dropped, { key: 'k' })('c', 5)).disposition).toBe('scheduled');
      await queue.runUntilFinished();
    });

    it('counts attempts that fail, and puts off retries', async () => {
      await using test = await start();
      const { queue, rates } = test;
      const execution = await queue.add(rates.retriedLater)('a');
      expect(await execution.result()).toBe('done');
      expect(rates.all.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      const starts = rates.all.map(({ at }) => at);
      expect(starts[2]! - starts[0]!).toBeGreaterThanOrEqual(PER - TOLERANCE);
      expect(starts[3]! - starts[1]!).toBeGreaterThanOrEqual(PER - TOLERANCE);
    });

    it('drops retries, where it is told to', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.rates.retriedOver)('a');
      await expectDropped(execution, 'rate limit reached for customer (2 starts in 1h)');
      expect(test.rates.all.map(({ attempt }) => attempt)).toEqual([1, 2]);
    });

    it('counts the runs of a perpetual task, which skips those over it and goes on', async () => {
      await using test = await start();
      const { queue, rates } = test;
      await queue.add(rates.perpetual, { key: 'k' })();
      await queue.runAtMost({ k: 4 });
      expect(rates.texts).toEqual(['perpetual', 'perpetual']);
      await expectCounts(queue, { rescheduled: 3, failed: 0 });
    });

    it('lets all limits of a task hold, and does not count what one of them refuses', async () => {
      await using test = await start();
      const { queue, rates } = test;
      await (await queue.add(rates.two)('a', 'x')).result();
      await expectDropped(await queue.add(rates.two)('a', 'y'), 'rate limit reached for a (1 start in 1h)');
      await expectDropped(await queue.add(rates.two)('b', 'x'), 'rate limit reached for b (1 start in 2h)');
      await (await queue.add(rates.two)('b', 'y')).result();
      expect(rates.texts).toEqual(['a x', 'b y']);
    });
  });

  describe('a cooldown', () => {
    it('drops what comes within its window, for each value, and then no more', async () => {
      await using test = await start();
      const { queue, cooldowns } = test;
      await (await queue.add(cooldowns.brief)(1, 'a')).result();
      const second = await queue.add(cooldowns.brief, { key: 'k' })(2, 'a');
      const reason = `cooldown of account: another execution started within the last ${PER}ms`;
      await expectDropped(second, reason);
      await (await queue.add(cooldowns.brief)(3, 'b')).result();
      await until(async () => {
        const execution = await queue.add(cooldowns.brief)(4, 'a');
        return execution.result().catch(() => undefined);
      }, 'the window to be over');
      expect(cooldowns.texts).toEqual(['a 1', 'b 3', 'a 4']);
      expect(cooldowns.startOf('a 4') - cooldowns.startOf('a 1')).toBeGreaterThanOrEqual(PER - TOLERANCE);
      expect(test.logs.matching('cooldowns.brief (k)')).toEqual([
        `warn Execution cooldowns.brief (k) was dropped: ${reason} Tasks`,
      ]);
    });

    it('does not drop its own retries', async () => {
      await using test = await start();
      const { queue, cooldowns } = test;
      const execution = await queue.add(cooldowns.retried)('a');
      expect(await execution.result()).toBe('done');
      expect(cooldowns.all.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      await expectCounts(queue, { retried: 2, dropped: 0 });
    });

    it('stays closed when the run that has closed it fails', async () => {
      await using test = await start();
      const { queue, cooldowns } = test;
      await expect((await queue.add(cooldowns.failing)('a')).result()).rejects.toThrow('bad');
      await expectDropped(
        await queue.add(cooldowns.failing)('a'),
        'cooldown of account: another execution started within the last 1h',
      );
    });

    it('is of all executions on a method', async () => {
      await using test = await start();
      const { queue, cooldowns } = test;
      await (await queue.add(cooldowns.inAll)(1)).result();
      await expectDropped(
        await queue.add(cooldowns.inAll)(2),
        'cooldown of task cooldowns.inAll: another execution started within the last 1h',
      );
      expect(cooldowns.texts).toEqual(['1']);
    });

    it('must be over on all parameters, and is not begun by what another refuses', async () => {
      await using test = await start();
      const { queue, cooldowns } = test;
      await (await queue.add(cooldowns.two)('a', 'x')).result();
      for (const [a, b] of [
        ['a', 'y'],
        ['b', 'x'],
      ] as const) {
        await expect((await queue.add(cooldowns.two)(a, b)).result()).rejects.toThrow(ExecutionDroppedError);
      }
      await (await queue.add(cooldowns.two)('b', 'y')).result();
      expect(cooldowns.texts).toEqual(['a x', 'b y']);
    });
  });

  describe('a debounce', () => {
    it('runs the last of a row, when it has been quiet, and drops the others', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      const executions: Execution[] = [];
      let lastAt = 0;
      for (const version of [1, 2, 3, 4, 5]) {
        lastAt = Date.now();
        executions.push(await queue.add(debounces.index, { key: `v${version}` })(version, 'a'));
      }
      const other = await queue.add(debounces.index)(9, 'b');
      expect(await executions[4]?.result()).toBe('a 5');
      for (const execution of executions.slice(0, 4)) {
        await expectDropped(execution, `debounced for document: a newer execution arrived within ${QUIET}ms`);
      }
      expect(await other.result()).toBe('b 9');
      expect(debounces.texts.toSorted()).toEqual(['a 5', 'b 9']);
      expect(debounces.startOf('a 5') - lastAt).toBeGreaterThanOrEqual(QUIET - TOLERANCE);
      await expectCounts(queue, { started: 2, completed: 2, dropped: 4 });
      expect(test.logs.matching('debounces.index (v1) was dropped')).toEqual([
        `warn Execution debounces.index (v1) was dropped: debounced for document: a newer execution arrived within ${QUIET}ms Tasks`,
      ]);
      expect(test.logs.matching('debounces.index (v5) is delayed until')).toHaveLength(1);
    });

    it('runs again for what comes after that', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      await (await queue.add(debounces.index)(1, 'a')).result();
      await (await queue.add(debounces.index)(2, 'a')).result();
      expect(debounces.texts).toEqual(['a 1', 'a 2']);
      expect(debounces.startOf('a 2') - debounces.startOf('a 1')).toBeGreaterThanOrEqual(QUIET - TOLERANCE);
    });

    it('runs at the latest after its longest wait, while others still come', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      let version = 0;
      await until(async () => {
        version += 1;
        await queue.add(debounces.limited)('a', version);
        return debounces.all.length > 0;
      }, 'one to run');
      expect(version).toBeGreaterThan(2);
      expect(debounces.texts[0]).not.toBe('a 1');
      await queue.runUntilFinished();
      expect(debounces.texts.at(-1)).toBe(`a ${version}`);
    });

    it('is of all executions on a method', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      for (const number of [1, 2, 3]) await queue.add(debounces.inAll)(number);
      await queue.runUntilFinished();
      expect(debounces.texts).toEqual(['3']);
    });

    it('does not wait again before a retry, nor drops it', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      await queue.add(debounces.retried)('a', 1);
      const last = await queue.add(debounces.retried)('a', 2);
      expect(await last.result()).toBe('done');
      expect(debounces.all.map(({ what, attempt }) => [what, attempt])).toEqual([
        ['a 2', 1],
        ['a 2', 2],
        ['a 2', 3],
      ]);
    });

    it('runs one that comes when the one that it had superseded is cancelled', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      await queue.add(debounces.slow, { key: 'first' })(1, 'a');
      await until(async () => (await queue.get('first'))?.reason !== undefined, 'it to be put off');
      await queue.cancel('first');
      await (await queue.add(debounces.slow)(2, 'a')).result({ timeout: '8s' });
      expect(debounces.texts).toEqual(['a 2']);
    });
  });

  describe('are shared by', () => {
    it.each<[string, 'rates' | 'cooldowns']>([
      ['a rate limit', 'rates'],
      ['a cooldown', 'cooldowns'],
    ])('the tasks of a scope, and not by others with the same parameter: %s', async (_what, group) => {
      await using test = await start();
      const { queue } = test;
      const runs = test[group];
      await (await queue.add(runs.other)('a')).result();
      await (await queue.add(group === 'rates' ? 'rates.dropped' : 'cooldowns.long')('a', 1)).result();
      await (await queue.add(runs.scoped)('a')).result();
      await expect((await queue.add(runs.scopedToo)('a')).result()).rejects.toThrow(/(?:for|of) scope \w+/);
      await (await queue.add(runs.scopedToo)('b')).result();
      expect(runs.texts).toEqual(['other a', expect.any(String), 'scoped a', 'scopedToo b']);
    });

    it('the tasks of a scope, and not by others with the same parameter: a debounce', async () => {
      await using test = await start();
      const { queue, debounces } = test;
      const own = [await queue.add(debounces.other)('a'), await queue.add(debounces.index)(1, 'a')];
      const scoped = await queue.add(debounces.scoped)('a');
      const scopedToo = await queue.add(debounces.scopedToo)('a');
      await Promise.all([...own, scopedToo].map((execution) => execution.result()));
      await expectDropped(scoped, `debounced for scope search: a newer execution arrived within ${QUIET}ms`);
      expect(debounces.texts.toSorted()).toEqual(['a 1', 'other a', 'scopedToo a']);
    });
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS) {
  describe(`windows in a fleet: ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('are those of all workers', async () => {
      await using one = await startWindows(space, { concurrency: 2 });
      await using two = await startWindows(space, { concurrency: 2, fleet: one.fleet });
      const { queue, rates, cooldowns, debounces } = one;
      const rated = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => queue.add(rates.dropped)('a', number)));
      const cooled = await Promise.all([1, 2, 3, 4].map(() => queue.add(cooldowns.long)('a')));
      for (const version of [1, 2, 3, 4, 5, 6]) {
        await queue.add(debounces.index)(version, 'a');
        await during(10, () => {});
      }
      await queue.runUntilFinished();
      const states = async (executions: readonly Execution[]): Promise<string[]> =>
        (await Promise.all(executions.map((execution) => execution.refresh()))).map(({ state }) => state).toSorted();
      expect(await states(rated)).toEqual(['completed', 'completed', ...Array.from({ length: 4 }, () => 'dropped')]);
      expect(await states(cooled)).toEqual(['completed', 'dropped', 'dropped', 'dropped']);
      expect([...debounces.texts, ...two.debounces.texts]).toEqual(['a 6']);
    });
  });
}
