import { describe, expect, it, jest } from '@jest/globals';
import { BadRequestException, Injectable } from '@nestjs/common';
import {
  Arg,
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Logged,
  RateLimit,
  TaskContext,
  type Execution,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Jobs {
  readonly seen: unknown[][] = [];

  constructor(
    private readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('jobs.limited')
  limited(@ConcurrencyLimit(1) _who: unknown, name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal, ['all']);
  }

  @Durable('jobs.limitedRest')
  limitedRest(name: string, @ConcurrencyLimit(1) ..._ids: string[]): Promise<string> {
    return this.inside.stay(name, this.context.signal, ['all']);
  }

  @ConcurrencyLimit(1, { by: 'ids.0' })
  @Durable('jobs.limitedBy')
  limitedBy(name: string, @Arg('ids') ..._ids: string[]): Promise<string> {
    return this.inside.stay(name, this.context.signal, ['all']);
  }

  @Durable('jobs.rated')
  rated(@RateLimit(1, { per: '1h', drop: true }) who: unknown): void {
    this.seen.push([who]);
  }

  @Durable('jobs.cooled')
  cooled(@Cooldown('1h') ...ids: unknown[]): void {
    this.seen.push(ids);
  }

  @Durable('jobs.debounced')
  debounced(@Debounce(300) who: unknown, version: number): void {
    this.seen.push([who, version]);
  }

  @Durable('jobs.noted')
  noted(@Logged() ...ids: unknown[]): void {
    this.seen.push(ids);
  }

  @Durable('jobs.reported')
  async reported(message: string): Promise<void> {
    this.context.progress.total(3);
    this.context.progress.increment(2);
    this.context.progress.message(message);
    await this.inside.stay('reported', this.context.signal);
  }

  @Durable('jobs.failed')
  failed(how: string): never {
    throw FAILURES[how]?.();
  }
}

const FAILURES: Readonly<Record<string, () => unknown>> = {
  code: () => Object.assign(new Error('E11000 duplicate key'), { name: 'MongoServerError', code: 11_000 }),
  http: () => new BadRequestException({ field: 'email', why: 'taken' }),
  cause: () => new Error('outer', { cause: Object.assign(new Error('inner'), { code: 14, status: 503 }) }),
  many: () => new AggregateError([new TypeError('first'), new BadRequestException('second')], 'all'),
  object: () => ({ name: 'PostgrestError', message: 'no such row', code: 'PGRST116', status: 406 }),
};

const ONE = { tenant: 1, region: 'eu', tags: new Set(['a', 'b']), more: { c: 1, d: [-0] } };
const SAME = { more: { d: [0], c: 1, e: undefined }, tags: new Set(['b', 'a']), region: 'eu', tenant: 1 };
const OTHER = { ...ONE, tenant: '1' };

describe.each(BROKERS)('values: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start() {
    const test = await startQueue(space, { providers: [Jobs, Turnstile] });
    return { ...test, jobs: test.context.get(Jobs), inside: test.context.get(Turnstile) };
  }

  const dropped = async (execution: Execution<unknown>): Promise<boolean> => {
    await execution.result().catch(() => {});
    return execution.state === 'dropped';
  };

  describe('that are equal', () => {
    it('wait for each other under a limit, and for no others', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.limited)(ONE, 'one');
      await until(() => inside.names.includes('one'), 'the first to be inside');
      await queue.add(jobs.limited)(OTHER, 'other');
      await until(() => inside.names.length === 2, 'the other to be inside');
      const same = await queue.add(jobs.limited)(SAME, 'same');
      await until(async () => (await same.refresh()).state === 'parked', 'the same to wait');
      const pools = await queue.limits();
      expect(pools.map(({ value }) => value)).toEqual(
        expect.arrayContaining([
          { ...ONE, more: { c: 1, d: [0] } },
          { ...OTHER, more: { c: 1, d: [0] } },
        ]),
      );
      expect(pools).toHaveLength(2);
      inside.open();
      await same.result();
    });

    it('are all of a rest parameter', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      const all = [
        await queue.add(jobs.limitedRest)('one', 'a', 'b'),
        await queue.add(jobs.limitedRest)('other', 'a', 'c'),
        await queue.add(jobs.limitedRest)('none'),
        await queue.add(jobs.limitedBy)('by one', 'a', 'b'),
      ];
      await until(() => inside.names.length === 4, 'all to be inside');
      const waiting = [
        await queue.add(jobs.limitedRest)('same', 'a', 'b'),
        await queue.add(jobs.limitedBy)('by same', 'a', 'c'),
      ];
      for (const each of waiting) await until(async () => (await each.refresh()).state === 'parked', 'it to wait');
      expect(inside.names).toEqual(['by one', 'none', 'one', 'other']);
      inside.open();
      await Promise.all([...all, ...waiting].map((each) => each.result()));
    });

    it('are counted together by rate limits, cooldowns and debounces', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      expect(await dropped(await queue.add(jobs.rated)(ONE))).toBe(false);
      expect(await dropped(await queue.add(jobs.rated)(SAME))).toBe(true);
      expect(await dropped(await queue.add(jobs.rated)(OTHER))).toBe(false);
      expect(await dropped(await queue.add(jobs.cooled)('a', ONE))).toBe(false);
      expect(await dropped(await queue.add(jobs.cooled)('a', SAME))).toBe(true);
      expect(await dropped(await queue.add(jobs.cooled)('a', OTHER))).toBe(false);
      jobs.seen.length = 0;
      const first = await queue.add(jobs.debounced)(ONE, 1);
      const last = await queue.add(jobs.debounced)(SAME, 2);
      await last.result();
      expect([await dropped(first), jobs.seen]).toEqual([true, [[SAME, 2]]]);
    });

    it('are struck together, and restored', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.noted, 'ids', '==', [ONE]);
      expect(await queue.strikes()).toMatchObject([{ value: [ONE] }]);
      expect((await queue.add(jobs.noted)(SAME)).disposition).toBe('struck');
      expect((await queue.add(jobs.noted)(OTHER)).disposition).toBe('scheduled');
      await queue.strike(jobs.noted, 'ids', '==', [SAME]);
      expect(await queue.strikes()).toHaveLength(1);
      expect(await queue.restore(jobs.noted, 'ids', '==', [ONE])).toBe(true);
      expect((await queue.add(jobs.noted)(ONE)).disposition).toBe('scheduled');
      await queue.strike(jobs.noted, 'ids', 'in', [[ONE], [Number.NaN]]);
      expect((await queue.add(jobs.noted)(Number.NaN)).disposition).toBe('struck');
      expect(await queue.restore(jobs.noted, 'ids', 'in', [[Number.NaN], [SAME]])).toBe(true);
    });
  });

  it('of a rest parameter are all logged', async () => {
    await using test = await start();
    await (await test.queue.add(test.jobs.noted, { key: 'k' })('a', 'b')).result();
    expect(test.logs.matching("jobs.noted(ids=[ 'a', 'b' ])").length).toBeGreaterThan(0);
  });

  it.each(['NUL \0 text', 'half \ud83d', 'a pair 😀'])('of progress come back: %j', async (message) => {
    await using test = await start();
    const execution = await test.queue.add(test.jobs.reported)(message);
    await until(async () => (await execution.refresh()).progress.message !== undefined, 'progress to be there');
    expect(execution.progress).toMatchObject({ current: 2, total: 3, message });
    test.inside.open();
    await execution.result();
  });

  it.each([
    ['code', { name: 'MongoServerError', code: 11_000 }],
    ['http', { name: 'BadRequestException', status: 400, response: { field: 'email', why: 'taken' } }],
    ['cause', { message: 'outer', cause: { message: 'inner', code: 14, status: 503 } }],
    [
      'many',
      {
        errors: [
          { name: 'TypeError', message: 'first' },
          { status: 400, message: 'second' },
        ],
      },
    ],
    ['object', { name: 'PostgrestError', message: 'no such row', code: 'PGRST116', status: 406 }],
  ])('of errors come back: %s', async (how, expected) => {
    await using test = await start();
    const execution = await test.queue.add(test.jobs.failed, { key: 'k' })(how);
    const error: unknown = await execution.result().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(expected);
    expect((await test.queue.get('k'))?.error).toMatchObject(expected);
  });
});
