import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  ConcurrencyLimit,
  Durable,
  ExecutionCancelledError,
  Perpetual,
  RateLimit,
  TaskContext,
  TaskQueue,
  type LimitPool,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts, expectLines } from '../../support/expect-soon.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { during, until } from '../../support/until.js';

jest.setTimeout(30_000);

interface Order {
  readonly customer?: { readonly id: string };
  readonly region?: string;
}

@Injectable()
class Jobs {
  constructor(
    private readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  private stay(name: string, ...groups: string[]): Promise<string> {
    return this.inside.stay(name, this.context.signal, groups);
  }

  @Durable('jobs.perCustomer')
  perCustomer(@ConcurrencyLimit(1) customer: unknown, name: string): Promise<string> {
    return this.stay(name, typeof customer === 'string' ? customer : `the ${typeof customer} ${inspect(customer)}`);
  }

  @ConcurrencyLimit(2)
  @Durable('jobs.inAll')
  inAll(name: string): Promise<string> {
    return this.stay(name, 'all');
  }

  @Durable('jobs.own')
  own(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    return this.stay(name, customer);
  }

  @Durable('jobs.imports')
  imports(@ConcurrencyLimit(1, { scope: 'warehouse' }) warehouse: string, name: string): Promise<string> {
    return this.stay(name, warehouse);
  }

  @Durable('jobs.exports')
  exports(name: string, @ConcurrencyLimit(1, { scope: 'warehouse' }) from: string): Promise<string> {
    return this.stay(name, from);
  }

  @Durable('jobs.byPath')
  byPath(@ConcurrencyLimit(1, { by: 'customer.id' }) order: Order, name: string): Promise<string> {
    return this.stay(name, order.customer?.id ?? 'none');
  }

  @Durable('jobs.byFunction')
  byFunction(
    @ConcurrencyLimit(1, { by: (region: string, tenant: string) => `${region}/${tenant}` }) region: string,
    tenant: string,
    name: string,
  ): Promise<string> {
    return this.stay(name, `${region}/${tenant}`);
  }

  @ConcurrencyLimit(1, { by: 'order.region' })
  @Durable('jobs.methodByPath')
  methodByPath(order: Order, name: string): Promise<string> {
    return this.stay(name, order.region ?? 'none');
  }

  @Durable('jobs.several')
  several(@ConcurrencyLimit(1) user: string, @ConcurrencyLimit(2) type: string, name: string): Promise<string> {
    return this.stay(name, user, type);
  }

  @Durable('jobs.retried', { retry: { attempts: 2, delay: '1h', maxDelay: '1h' } })
  retried(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    return this.stay(name, customer);
  }

  @Durable('jobs.short', { timeout: 50 })
  short(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    return this.stay(name, customer);
  }

  @Perpetual({ every: '1h' })
  @Durable('jobs.hourly')
  hourly(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    return this.stay(name, customer);
  }

  @RateLimit(2, { per: '1h', drop: true })
  @Durable('jobs.rated')
  rated(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    return this.stay(name, customer);
  }

  /** Ends by itself. */
  @Durable('jobs.brief')
  async brief(@ConcurrencyLimit(1) customer: string, name: string): Promise<string> {
    const stay = this.stay(name, customer);
    setTimeout(() => this.inside.letOut(name), 3);
    return stay;
  }
}

interface LimitsContext extends QueueContext {
  readonly jobs: Jobs;
  readonly inside: Turnstile;
}

type Space = ReturnType<typeof brokerSpace>;

async function startJobs(
  space: Space,
  options: QueueContextOptions = {},
  inside = new Turnstile(),
): Promise<LimitsContext> {
  const providers = [Jobs, { provide: Turnstile, useValue: inside }];
  const test = await startQueue(space, { providers }, options);
  return { ...test, jobs: test.context.get(Jobs), inside };
}

/** Until just these are inside, and so many are parked: then nobody moves any more. */
async function settled({ queue, inside }: LimitsContext, names: readonly string[], parked: number): Promise<void> {
  await until(
    async () => {
      const { counts } = await queue.snapshot({ limit: 0 });
      const isQuiet = counts.queued === 0 && counts.running === names.length && counts.parked === parked;
      return isQuiet && inside.names.join() === names.toSorted().join();
    },
    `${names.join(', ')} to be inside and ${parked} to be parked`,
  );
}

function byValue(pools: readonly LimitPool[]): LimitPool[] {
  return pools.toSorted((a, b) => (JSON.stringify(a.value) < JSON.stringify(b.value) ? -1 : 1));
}

describe.each(BROKERS)('a concurrency limit: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions): Promise<LimitsContext> => startJobs(space, options);

  describe('counts by', () => {
    it('the value of a parameter', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer)('a', 'a1');
      await settled(test, ['a1'], 0);
      const second = await queue.add(jobs.perCustomer)('a', 'a2');
      await queue.add(jobs.perCustomer)('b', 'b1');
      await queue.add(jobs.perCustomer)(1, 'number');
      await queue.add(jobs.perCustomer)('1', 'text');
      await settled(test, ['a1', 'b1', 'number', 'text'], 1);
      inside.letOut('a1');
      await settled(test, ['a2', 'b1', 'number', 'text'], 0);
      inside.open();
      expect(await second.result()).toBe('a2');
      expect(Math.max(...inside.most.values())).toBe(1);
    });

    it('values that are equal, whatever they are', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer)({ id: 7n, at: new Date(5) }, 'first');
      await settled(test, ['first'], 0);
      await queue.add(jobs.perCustomer)({ id: 7n, at: new Date(5) }, 'same');
      await queue.add(jobs.perCustomer)({ id: 7n, at: new Date(6) }, 'other');
      await queue.add('jobs.perCustomer')(undefined, 'none');
      await queue.add(jobs.perCustomer)('x'.repeat(5_000), 'long');
      await settled(test, ['first', 'other', 'none', 'long'], 1);
      inside.open();
      await queue.runUntilFinished();
      expect(inside.entered.toSorted()).toEqual(['first', 'long', 'none', 'other', 'same']);
    });

    it('nothing but the task, where it is on the method', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      for (const name of ['1', '2', '3', '4']) await queue.add(jobs.inAll)(name);
      await until(() => inside.names.length === 2, 'two to be inside');
      await settled(test, inside.names, 2);
      inside.open();
      await queue.runUntilFinished();
      expect(inside.entered.toSorted()).toEqual(['1', '2', '3', '4']);
      expect(inside.most.get('all')).toBe(2);
    });

    it('the task too: another one with the same parameter and value has slots of its own', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer)('a', 'this');
      await queue.add(jobs.own)('a', 'that');
      await settled(test, ['that', 'this'], 0);
      expect(inside.most.get('a')).toBe(2);
      inside.open();
      await queue.runUntilFinished();
    });

    it('a scope instead, which tasks share', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.imports)('north', 'in');
      await settled(test, ['in'], 0);
      const out = await queue.add(jobs.exports)('out', 'north');
      await queue.add(jobs.exports)('elsewhere', 'south');
      await settled(test, ['in', 'elsewhere'], 1);
      expect((await out.refresh()).reason).toBe('concurrency limit reached for scope warehouse (1 running)');
      inside.letOut('in');
      await settled(test, ['out', 'elsewhere'], 0);
      inside.open();
      await queue.runUntilFinished();
      expect(inside.most.get('north')).toBe(1);
    });

    it('a property of an argument', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.byPath)({ customer: { id: 'a' }, region: 'eu' }, 'a1');
      await settled(test, ['a1'], 0);
      await queue.add(jobs.byPath)({ customer: { id: 'a' }, region: 'us' }, 'a2');
      await queue.add(jobs.byPath)({ customer: { id: 'b' }, region: 'eu' }, 'b1');
      await queue.add(jobs.byPath)({}, 'none');
      await settled(test, ['a1', 'b1', 'none'], 1);
      inside.open();
      await queue.runUntilFinished();
      expect(Math.max(...inside.most.values())).toBe(1);
    });

    it('a function of all arguments', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.byFunction)('eu', 'x', 'first');
      await settled(test, ['first'], 0);
      await queue.add(jobs.byFunction)('eu', 'x', 'same');
      await queue.add(jobs.byFunction)('eu', 'y', 'tenant');
      await queue.add(jobs.byFunction)('us', 'x', 'region');
      await settled(test, ['first', 'tenant', 'region'], 1);
      inside.open();
      await queue.runUntilFinished();
      expect(Math.max(...inside.most.values())).toBe(1);
    });

    it('a property on a method', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.methodByPath)({ region: 'eu' }, 'first');
      await settled(test, ['first'], 0);
      await queue.add(jobs.methodByPath)({ region: 'eu' }, 'same');
      await queue.add(jobs.methodByPath)({ region: 'us' }, 'other');
      await settled(test, ['first', 'other'], 1);
      inside.open();
      await queue.runUntilFinished();
      expect(Math.max(...inside.most.values())).toBe(1);
    });
  });

  it('lets all limits of a task hold', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const { several } = jobs;
    await queue.add(several)('u1', 'csv', 'a');
    await settled(test, ['a'], 0);
    const b = await queue.add(several)('u1', 'csv', 'b'); // waits for its user
    await settled(test, ['a'], 1);
    await queue.add(several)('u2', 'csv', 'c');
    await settled(test, ['a', 'c'], 1);
    const d = await queue.add(several)('u3', 'csv', 'd'); // waits for the type
    await settled(test, ['a', 'c'], 2);
    await queue.add(several)('u4', 'pdf', 'e'); // for nothing
    await settled(test, ['a', 'c', 'e'], 2);
    expect((await b.refresh()).reason).toBe('concurrency limit reached for user (1 running)');
    expect((await d.refresh()).reason).toBe('concurrency limit reached for type (2 running)');
    inside.letOut('a'); // both are free now, and b came first
    await settled(test, ['b', 'c', 'e'], 1);
    inside.letOut('c');
    await settled(test, ['b', 'd', 'e'], 0);
    inside.open();
    await queue.runUntilFinished();
    expect(inside.entered).toEqual(['a', 'c', 'e', 'b', 'd']);
    expect(inside.most.get('csv')).toBe(2);
  });

  it('lets those that wait in one after the other, in the order in which they were added', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    await queue.add(jobs.perCustomer)('a', '0');
    await settled(test, ['0'], 0);
    for (let number = 1; number <= 6; number += 1) {
      await queue.add(jobs.perCustomer)('a', String(number));
      await settled(test, ['0'], number);
    }
    for (let number = 0; number < 6; number += 1) {
      inside.letOut(String(number));
      await settled(test, [String(number + 1)], 5 - number);
    }
    inside.open();
    await queue.runUntilFinished();
    expect(inside.entered).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  it('keeps that order for those that come at once, too', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    await queue.add(jobs.brief)('a', '00');
    const names = Array.from({ length: 20 }, (_, number) => String(number + 1).padStart(2, '0'));
    for (const name of names) await queue.add(jobs.brief)('a', name);
    await queue.runUntilFinished();
    if (kind.label !== 'postgres') {
      expect(inside.entered).toEqual(['00', ...names]);
      return;
    }
    // There, those that find a slot free at the same moment may enter in either order: neighbours, and no others.
    expect(inside.entered.toSorted()).toEqual(['00', ...names]);
    for (const [place, name] of inside.entered.entries()) expect(Math.abs(place - Number(name))).toBeLessThanOrEqual(2);
  });

  it('runs each of many exactly once, never too many at a time', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const names = Array.from({ length: 60 }, (_, number) => `${'abc'.charAt(number % 3)}${number}`);
    const executions = await Promise.all(names.map((name) => queue.add(jobs.brief)(name.charAt(0), name)));
    for (const [at, execution] of executions.entries()) expect(await execution.result()).toBe(names[at]);
    expect(inside.entered.toSorted()).toEqual(names.toSorted());
    expect([...inside.most.values()]).toEqual([1, 1, 1]);
    await expectCounts(queue, { started: 60, completed: 60, failed: 0 });
    // Activated, parked once at most, and activated again.
    expect(queue.counts.parked).toBeLessThan(60);
    expect(await queue.limits()).toEqual([]);
  });

  it('does not hold up others behind a value that is in demand', async () => {
    await using test = await start({ concurrency: 2 });
    const { queue, jobs, inside } = test;
    await queue.add(jobs.perCustomer)('hot', 'h0');
    await settled(test, ['h0'], 0);
    for (let number = 1; number <= 15; number += 1) await queue.add(jobs.perCustomer)('hot', `h${number}`);
    const cold = await queue.add(jobs.brief)('cold', 'c');
    expect(await cold.result({ timeout: '8s' })).toBe('c');
    expect(inside.names).toEqual(['h0']);
    inside.open();
    await queue.runUntilFinished();
    expect(inside.entered).toHaveLength(17);
  });

  describe('parks an execution', () => {
    async function startParked(): Promise<LimitsContext> {
      const test = await start();
      await test.queue.add(test.jobs.perCustomer, { key: 'holder' })('a', 'holder');
      await settled(test, ['holder'], 0);
      return test;
    }

    it('and says so, and why, with its key taken and no attempt spent', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      const parked = await queue.add(jobs.perCustomer, { key: 'k' })('a', 'parked');
      await settled(test, ['holder'], 1);
      expect(await parked.refresh()).toMatchObject({
        state: 'parked',
        reason: 'concurrency limit reached for customer (1 running)',
        attempt: 1,
      });
      const again = await queue.add(jobs.perCustomer, { key: 'k' })('a', 'again');
      expect([again.disposition, again.state, again.args]).toEqual(['already-scheduled', 'parked', ['a', 'parked']]);
      const snapshot = await queue.snapshot();
      expect([snapshot.total, snapshot.counts.parked, snapshot.counts.running]).toEqual([2, 1, 1]);
      expect(snapshot.executions.map(({ key, state }) => [key, state])).toContainEqual(['k', 'parked']);
      inside.open();
      expect(await parked.result()).toBe('parked');
      expect(parked).toMatchObject({ state: 'completed', attempt: 1, reason: undefined });
      expect(inside.entered).toEqual(['holder', 'parked']);
      await expectCounts(queue, { parked: 1, started: 2, completed: 2 });
      await expectLines(
        () => test.logs.matching('is parked'),
        ['debug Execution jobs.perCustomer (k) is parked: concurrency limit reached for customer (1 running) Tasks'],
      );
    });

    it('that tells its watchers', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      const states: string[] = [];
      const parked = await queue.add(jobs.perCustomer)('a', 'parked');
      parked.events$.subscribe(({ state }) => states.push(state));
      await until(() => states.includes('parked'), 'it to be seen parked');
      inside.open();
      await until(() => states.at(-1) === 'completed', 'it to be seen completed');
      expect(states).not.toContain('failed');
    });

    it('that can be cancelled, and lets the next one have its place', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      const first = await queue.add(jobs.perCustomer, { key: 'first' })('a', 'first');
      await settled(test, ['holder'], 1);
      const second = await queue.add(jobs.perCustomer)('a', 'second');
      await settled(test, ['holder'], 2);
      expect(await queue.cancel('first')).toBe('cancelled');
      await expect(first.result()).rejects.toThrow(ExecutionCancelledError);
      const again = await queue.add(jobs.perCustomer, { key: 'first' })('b', 'again');
      expect(again.disposition).toBe('scheduled');
      inside.open();
      expect(await second.result()).toBe('second');
      await again.result();
      expect(inside.entered).not.toContain('first');
      await expectCounts(queue, { failed: 0 });
    });

    it('that can be replaced, and runs with the new arguments, once', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer, { key: 'k' })('a', 'old');
      await settled(test, ['holder'], 1);
      const replaced = await queue.replace(jobs.perCustomer, { key: 'k', when: 0 })('a', 'new');
      await settled(test, ['holder'], 1);
      inside.open();
      expect(await replaced.result()).toBe('new');
      await queue.runUntilFinished();
      expect(inside.entered).toEqual(['holder', 'new']);
    });

    it('that can be replaced by one that has nothing to wait for', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer, { key: 'k' })('a', 'old');
      await settled(test, ['holder'], 1);
      await queue.replace(jobs.perCustomer, { key: 'k', when: 0 })('b', 'new');
      await settled(test, ['holder', 'new'], 0);
      expect((await queue.limits()).flatMap(({ waiters }) => waiters)).toEqual([]);
      inside.open();
      await queue.runUntilFinished();
    });

    it('that can be cleared with all others that do not run', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      await queue.add(jobs.perCustomer, { key: 'k' })('a', 'never');
      await settled(test, ['holder'], 1);
      expect(await queue.clear()).toBe(1);
      const again = await queue.add(jobs.perCustomer, { key: 'k' })('a', 'again');
      expect(again.disposition).toBe('scheduled');
      inside.open();
      expect(await again.result()).toBe('again');
      expect(inside.entered).toEqual(['holder', 'again']);
    });

    it('and does not look again and again whether it may run', async () => {
      await using test = await startParked();
      const { queue, jobs, inside } = test;
      for (let number = 1; number <= 5; number += 1) {
        await queue.add(jobs.perCustomer)('a', String(number));
        await settled(test, ['holder'], number);
      }
      await until(() => queue.counts.parked === 5, 'the worker to hear that all are parked');
      const claims = jest.spyOn(test.broker.limits, 'admit');
      await during(400, () => expect(queue.counts).toMatchObject({ parked: 5, started: 1 }));
      expect(claims).not.toHaveBeenCalled();
      inside.open();
      await queue.runUntilFinished();
      expect(claims).toHaveBeenCalledTimes(5);
      await expectCounts(queue, { parked: 5, started: 6, completed: 6, delayed: 0, released: 0 });
    });
  });

  describe('lets the next one in when the one before', () => {
    it.each<[string, 'perCustomer' | 'retried' | 'short' | 'hourly', (test: LimitsContext) => unknown]>([
      ['succeeds', 'perCustomer', ({ inside }) => inside.letOut('first')],
      ['fails', 'perCustomer', ({ inside }) => inside.fail('first')],
      ['waits for its next attempt', 'retried', ({ inside }) => inside.fail('first')],
      ['waits for its next run', 'hourly', ({ inside }) => inside.letOut('first')],
      ['is cancelled', 'perCustomer', ({ queue }) => queue.cancel('first')],
      ['runs out of time', 'short', () => {}],
    ])('%s', async (_what, method, end) => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      const task = jobs[method];
      await queue.add(task, { key: 'first' })('a', 'first');
      await until(() => inside.entered.length === 1, 'the first to be inside');
      const second = await queue.add(task, { key: 'second' })('a', 'second');
      // The one that runs out of time may have done so already.
      if (method !== 'short') await settled(test, ['first'], 1);
      await end(test);
      await until(() => inside.entered[1] === 'second', 'the second to be inside');
      expect(inside.most.get('a')).toBe(1);
      expect((await second.refresh()).attempt).toBe(1);
      await queue.clear();
      inside.open();
      if (method === 'hourly') await until(async () => (await queue.get('second'))?.state === 'scheduled', 'its end');
      await queue.clear();
      await queue.runUntilFinished();
      await until(async () => (await queue.limits()).length === 0, 'the slots to be free');
    });

    it('is retried: that waits for a slot again, with its attempt', async () => {
      await using test = await start();
      const { queue, jobs, inside } = test;
      const first = await queue.add(jobs.retried, { key: 'first' })('a', 'first');
      await settled(test, ['first'], 0);
      await queue.add(jobs.retried)('a', 'second');
      await settled(test, ['first'], 1);
      inside.fail('first');
      await settled(test, ['second'], 0);
      expect(await first.refresh()).toMatchObject({ state: 'retrying', attempt: 2 });
      inside.open();
      await queue.clear();
      await queue.runUntilFinished();
    });
  });

  it('shows who has the slots, and who waits for them', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    expect(await queue.limits()).toEqual([]);
    for (const [customer, key] of [
      ['a', 'a1'],
      ['b', 'b1'],
    ] as const) {
      await queue.add(jobs.perCustomer, { key })(customer, key);
    }
    await settled(test, ['a1', 'b1'], 0);
    for (const [at, key] of ['a2', 'a3'].entries()) {
      await queue.add(jobs.perCustomer, { key })('a', key);
      await settled(test, ['a1', 'b1'], at + 1);
    }
    const pool = { owner: 'jobs.perCustomer', parameter: 'customer', max: 1 };
    expect(byValue(await queue.limits())).toEqual([
      { ...pool, value: 'a', holders: ['a1'], waiters: ['a2', 'a3'] },
      { ...pool, value: 'b', holders: ['b1'], waiters: [] },
    ]);
    inside.letOut('a1');
    await settled(test, ['a2', 'b1'], 1);
    expect(byValue(await queue.limits())).toMatchObject([
      { value: 'a', holders: ['a2'], waiters: ['a3'] },
      { value: 'b', holders: ['b1'] },
    ]);
    inside.open();
    await queue.runUntilFinished();
    await until(async () => (await queue.limits()).length === 0, 'the slots to be free');
  });

  it('shows limits of all kinds', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    const at = new Date(5);
    await queue.add(jobs.inAll, { key: 'all' })('all');
    await queue.add(jobs.imports, { key: 'scope' })('north', 'scope');
    await queue.add(jobs.byPath, { key: 'path' })({ customer: { id: 'c' } }, 'path');
    await queue.add(jobs.perCustomer, { key: 'rich' })({ at, n: 7n }, 'rich');
    const names = ['all', 'path', 'scope', 'rich'];
    await until(() => inside.names.length === names.length, 'them to be inside');
    const pools = await queue.limits();
    expect(pools.toSorted((a, b) => a.owner.localeCompare(b.owner))).toEqual([
      { owner: 'jobs.byPath', parameter: 'order.customer.id', value: 'c', max: 1, holders: ['path'], waiters: [] },
      { owner: 'jobs.inAll', parameter: undefined, value: undefined, max: 2, holders: ['all'], waiters: [] },
      {
        owner: 'jobs.perCustomer',
        parameter: 'customer',
        value: { at, n: 7n },
        max: 1,
        holders: ['rich'],
        waiters: [],
      },
      { owner: 'warehouse', parameter: undefined, value: 'north', max: 1, holders: ['scope'], waiters: [] },
    ]);
    inside.open();
    await queue.runUntilFinished();
  });

  it('goes together with a rate, for which waiting is no start', async () => {
    await using test = await start();
    const { queue, jobs, inside } = test;
    await queue.add(jobs.rated)('a', '1');
    await settled(test, ['1'], 0);
    await queue.add(jobs.rated, { key: 'waits' })('a', '2');
    await settled(test, ['1'], 1);
    await queue.cancel('waits');
    await queue.add(jobs.rated)('a', '3');
    await settled(test, ['1'], 1);
    inside.letOut('1');
    await settled(test, ['3'], 0);
    const over = await queue.add(jobs.rated)('b', '4');
    await expect(over.result()).rejects.toThrow('rate limit reached for task jobs.rated (2 starts in 1h)');
    inside.open();
    await queue.runUntilFinished();
    expect(inside.entered).toEqual(['1', '3']);
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS) {
  describe(`a concurrency limit in a fleet: ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('counts the runs of all workers, and each runs once', async () => {
      const inside = new Turnstile();
      await using one = await startJobs(space, { concurrency: 3 }, inside);
      await using two = await startJobs(space, { concurrency: 3, fleet: one.fleet }, inside);
      const names = Array.from({ length: 60 }, (_, number) => `${'abcd'.charAt(number % 4)}${number}`);
      const { queue, jobs } = one;
      const executions = await Promise.all(names.map((name) => queue.add(jobs.perCustomer)(name.charAt(0), name)));
      await until(() => inside.names.length === 4, 'one of each value to be inside, which one worker has no room for');
      await settled(one, inside.names, 56);
      inside.open();
      for (const [at, execution] of executions.entries()) expect(await execution.result()).toBe(names[at]);
      expect(inside.entered.toSorted()).toEqual(names.toSorted());
      expect([...inside.most.values()]).toEqual([1, 1, 1, 1]);
      const starts = [queue.counts.started, two.queue.counts.started];
      expect(Math.min(...starts)).toBeGreaterThanOrEqual(1);
      expect(starts[0]! + starts[1]!).toBe(60);
    });

    it('lets the next one in, in any process', async () => {
      const inside = new Turnstile();
      await using one = await startJobs(space, {}, inside);
      await one.queue.add(one.jobs.perCustomer, { key: 'first' })('a', 'first');
      await settled(one, ['first'], 0);
      await using two = await startJobs(space, { fleet: one.fleet }, inside);
      const second = await two.queue.add(two.jobs.perCustomer, { key: 'second' })('a', 'second');
      await settled(one, ['first'], 1);
      expect((await two.queue.limits())[0]).toMatchObject({ holders: ['first'], waiters: ['second'] });
      inside.letOut('first');
      await settled(two, ['second'], 0);
      inside.open();
      expect(await second.result()).toBe('second');
    });

    it('frees the slots of a worker that shuts down', async () => {
      const inside = new Turnstile();
      const one = await startJobs(space, {}, inside);
      const first = await one.queue.add(one.jobs.perCustomer, { key: 'first' })('a', 'first');
      await settled(one, ['first'], 0);
      await using two = await startJobs(space, { fleet: one.fleet }, inside);
      await two.queue.add(two.jobs.perCustomer)('a', 'second');
      await settled(two, ['first'], 1);
      await one.context.close();
      await settled(two, ['second'], 1); // the first waits now, with no attempt lost
      inside.letOut('second');
      await settled(two, ['first'], 0);
      inside.open();
      const again = await two.queue.get(first.key);
      expect(await again?.result()).toBe('first');
      expect(again?.attempt).toBe(1);
      expect(inside.most.get('a')).toBe(1);
    });

    it('is shown by processes that only add', async () => {
      await using worker = await startJobs(space);
      await using adder = await startQueue(space, {}, { fleet: worker.fleet, worker: false });
      await worker.queue.add(worker.jobs.perCustomer, { key: 'k' })('a', 'x');
      await settled(worker, ['x'], 0);
      const pools = await adder.context.get(TaskQueue).limits();
      expect(pools).toMatchObject([{ owner: 'jobs.perCustomer', parameter: 'customer', value: 'a', holders: ['k'] }]);
      worker.inside.open();
      await worker.queue.runUntilFinished();
    });
  });
}
