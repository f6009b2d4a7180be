import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Arg,
  Durable,
  ExecutionCancelledError,
  ExecutionDroppedError,
  Perpetual,
  TaskArgumentError,
  TaskContext,
  TaskQueue,
  type Execution,
  type StrikeOperator,
  type StrikeOptions,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts, expectLines } from '../../support/expect-soon.js';
import { startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { during, until } from '../../support/until.js';
import { usageError } from '../../support/usage-error.js';

jest.setTimeout(30_000);

/** Timers and clocks are that exact, in milliseconds. */
const TOLERANCE = 20;

interface Order {
  readonly customerId: string;
  readonly amount?: number;
}

@Injectable()
class Jobs {
  readonly done: string[] = [];
  readonly ticks: number[] = [];
  readonly attempts: number[] = [];

  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
    private readonly queue: TaskQueue,
  ) {}

  private note(...what: unknown[]): string {
    const text = what.map(String).join(' ');
    this.done.push(text);
    return text;
  }

  @Durable('jobs.order')
  order(customerId: string, amount = 0): string {
    return this.note('order', customerId, amount);
  }

  @Durable('jobs.refund')
  refund(reason: string, customerId: string): string {
    return this.note('refund', customerId, reason);
  }

  @Durable('jobs.mail')
  mail(to: string): string {
    return this.note('mail', to);
  }

  @Durable('jobs.value')
  value(b: unknown): string {
    return this.note(b instanceof Date ? b.getTime() : b);
  }

  @Durable('jobs.named')
  named(@Arg('tenant') _a: string): string {
    return this.note('named', _a);
  }

  @Durable('jobs.object')
  object(order: Order): string {
    return this.note('object', order.customerId);
  }

  @Durable('jobs.destructured')
  destructured({ customerId, amount = 0 }: Order): string {
    return this.note('destructured', customerId, amount);
  }

  @Durable('jobs.stay')
  stay(name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal);
  }

  @Durable('jobs.retried', { retry: { attempts: 3, delay: 0 } })
  async retried(customerId: string): Promise<never> {
    this.attempts.push(this.context.attempt);
    await this.queue.strike(this.retried, 'customerId', '==', customerId, { reason: 'it fails' });
    throw new Error('bad');
  }

  @Perpetual({ every: 60 })
  @Durable('jobs.tick')
  tick(customerId: string): void {
    this.ticks.push(Date.now());
    this.note('tick', customerId);
  }
}

interface StrikesContext extends QueueContext {
  readonly jobs: Jobs;
}

/** The strikes of a queue are taken back at its end: nobody else would. */
async function startJobs(
  space: ReturnType<typeof brokerSpace>,
  options: QueueContextOptions = {},
): Promise<StrikesContext> {
  const test = await startQueue(space, { providers: [Jobs, Turnstile] }, options);
  const { queue } = test;
  return {
    ...test,
    jobs: test.context.get(Jobs),
    [Symbol.asyncDispose]: async () => {
      for (const { task, parameter, operator, value } of await queue.strikes()) {
        await queue.restore(task, parameter, operator, value);
      }
      await queue.clear();
      // What is noted of held executions goes with their strikes.
      await until(async () => ((await test.broker.maps.read('held'))?.entries.size ?? 0) === 0, 'all to be let go');
      await test.context.close();
    },
  };
}

async function expectStruck(execution: Execution, reason: string): Promise<void> {
  const result = execution.result({ timeout: '8s' });
  await expect(result).rejects.toThrow(ExecutionDroppedError);
  await expect(result).rejects.toThrow(`was dropped: ${reason}.`);
  expect(execution).toMatchObject({ state: 'dropped', reason });
}

async function expectHeld(execution: Execution): Promise<void> {
  await until(async () => (await execution.refresh()).state === 'parked', `${execution.key} to be held`);
}

describe.each(BROKERS)('strikes: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions): Promise<StrikesContext> => startJobs(space, options);

  describe('are on', () => {
    it('a whole task, until it is restored; and what was dropped does not come back', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order);
      const struck = await queue.add(jobs.order, { key: 'k' })('a', 1);
      expect(struck.disposition).toBe('struck');
      await expectStruck(struck, 'struck (jobs.order)');
      expect(await queue.get('k')).toBeUndefined();
      expect((await queue.snapshot()).total).toBe(0);
      expect(await (await queue.add(jobs.mail)('a')).result()).toBe('mail a');
      expect(await queue.restore(jobs.order)).toBe(true);
      const again = await queue.add(jobs.order, { key: 'k' })('b', 2);
      expect(again.disposition).toBe('scheduled');
      await again.result();
      await queue.runUntilFinished();
      expect(jobs.done).toEqual(['mail a', 'order b 2']);
      await expectCounts(queue, { struck: 1, added: 2, dropped: 0 });
    });

    it('a parameter of all tasks, wherever it stands', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(null, 'customerId', '==', '789');
      const executions = [
        await queue.add(jobs.order)('789', 1),
        await queue.add(jobs.refund)('late', '789'),
        await queue.add(jobs.refund)('789', 'late'),
        await queue.add(jobs.order)('790', 1),
        await queue.add(jobs.mail)('789'),
        await queue.add(jobs.object)({ customerId: '789' }),
        await queue.add(jobs.destructured)({ customerId: '789' }),
      ];
      expect(executions.map(({ disposition }) => disposition === 'struck')).toEqual([
        true,
        true,
        false,
        false,
        false,
        true,
        true,
      ]);
      await queue.runUntilFinished();
      expect(jobs.done.toSorted()).toEqual(['mail 789', 'order 790 1', 'refund late 789']);
      expect(await queue.restore(null, 'customerId', '==', '789')).toBe(true);
      expect((await queue.add(jobs.order)('789', 1)).disposition).toBe('scheduled');
      await queue.runUntilFinished();
    });

    it('a parameter of one task', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, 'customerId', '==', 'a');
      expect((await queue.add(jobs.order)('a')).disposition).toBe('struck');
      expect((await queue.add(jobs.order)('b')).disposition).toBe('scheduled');
      expect((await queue.add(jobs.refund)('late', 'a')).disposition).toBe('scheduled');
      await queue.runUntilFinished();
    });

    it('a parameter by the name that @Arg() gives it', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(null, 'tenant', '==', 'a');
      expect((await queue.add(jobs.named)('a')).disposition).toBe('struck');
      await expect(queue.strike(jobs.named, '_a', '==', 'a')).rejects.toThrow(usageError('UNKNOWN_PARAMETER'));
    });

    it('keys of a single object argument', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      for (const task of [jobs.object, jobs.destructured]) {
        await queue.strike(task, 'amount', '>', 100);
        const dispositions: unknown[] = [];
        for (const amount of [100, 101, undefined]) {
          const execution = await queue.add(task)({ customerId: 'a', ...(amount !== undefined && { amount }) });
          dispositions.push(execution.disposition);
        }
        expect(dispositions).toEqual(['scheduled', 'struck', 'scheduled']);
      }
      await queue.runUntilFinished();
    });

    it('a task and its parameters independently of each other', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order);
      await queue.strike(jobs.order, 'amount', '>', 100);
      expect((await queue.add(jobs.order)('a', 1)).disposition).toBe('struck');
      await queue.restore(jobs.order);
      expect((await queue.add(jobs.order)('a', 1)).disposition).toBe('scheduled');
      expect((await queue.add(jobs.order)('a', 101)).disposition).toBe('struck');
      await queue.strike(jobs.order);
      await queue.restore(jobs.order, 'amount', '>', 100);
      expect((await queue.add(jobs.order)('a', 1)).disposition).toBe('struck');
      await queue.restore(jobs.order);
      expect((await queue.add(jobs.order)('a', 101)).disposition).toBe('scheduled');
      await queue.runUntilFinished();
    });
  });

  const VALUES = [1, 2, 3, 4];
  it.each<[StrikeOperator, unknown, readonly number[]]>([
    ['==', 2, [1, 3, 4]],
    ['!=', 2, [2]],
    ['<', 2, [2, 3, 4]],
    ['<=', 2, [3, 4]],
    ['>', 2, [1, 2]],
    ['>=', 2, [1]],
    ['between', [2, 3], [1, 4]],
    ['in', [1, 4, 9], [2, 3]],
    ['==', 2n, [1, 3, 4]],
  ])('leave those that are not %s %p', async (operator, value, survivors) => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(jobs.value, 'b', operator, value);
    for (const number of VALUES) await queue.add(jobs.value)(number);
    await queue.runUntilFinished();
    expect(jobs.done.map(Number).toSorted()).toEqual(survivors);
    await expectCounts(queue, { struck: VALUES.length - survivors.length });
  });

  it('take their condition among the options, too', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const amount = ['amount', '>', 100] as const;
    const strike = await queue.strike(jobs.order, { where: amount, mode: 'hold', reason: 'too much' });
    expect(strike).toMatchObject({ parameter: 'amount', operator: '>', value: 100, mode: 'hold', reason: 'too much' });
    await queue.strike(null, { where: ['customerId', '==', 'a'] });
    expect((await queue.add(jobs.order)('a', 1)).disposition).toBe('struck');
    const held = await queue.add(jobs.order)('b', 101);
    await until(async () => (await held.refresh()).state === 'parked', 'it to be parked');
    expect(await queue.restore(null, 'customerId', '==', 'a')).toBe(true);
    expect(await queue.restore(jobs.order, { where: amount })).toBe(true);
    expect(await queue.strikes()).toEqual([]);
    expect((await queue.add(jobs.order)('a', 101)).disposition).toBe('scheduled');
    await queue.runUntilFinished();
  });

  it.each<[string, (queue: TaskQueue) => Promise<unknown>, string]>([
    ['no list', (queue) => queue.strike('a.b', { where: 'amount' as never }), 'where of task strike() is a string.'],
    ['too few', (queue) => queue.strike('a.b', { where: ['amount', '>'] as never }), '[parameter, operator, value]'],
    [
      'no name',
      (queue) => queue.strike('a.b', { where: [undefined, '>', 1] as never }),
      '[parameter, operator, value]',
    ],
    [
      'no operator',
      (queue) => queue.strike('a.b', { where: ['amount', '~', 1] as never }),
      'operator of task strike()',
    ],
    [
      'given twice',
      (queue) => queue.strike('a.b', 'amount', '>', 1, { where: ['amount', '>', 1] } as StrikeOptions),
      'give the condition once',
    ],
    [
      'another option',
      (queue) => queue.restore('a.b', { reason: 'x' } as never),
      'reason of task restore() is no option',
    ],
  ])('refuse a condition that is none: %s', async (_what, call, message) => {
    await using test = await start();
    await expect(call(test.queue)).rejects.toThrow(TaskArgumentError);
    await expect(call(test.queue)).rejects.toThrow(message);
    expect(await test.queue.strikes()).toEqual([]);
  });

  it('compare Dates and strings, by their characters', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(jobs.value, 'b', '>=', new Date(1_000));
    await queue.strike(jobs.value, 'b', '<=', 'low');
    for (const value of [new Date(999), new Date(1_000), 'high', 'low', 'medium']) await queue.add(jobs.value)(value);
    await queue.runUntilFinished();
    expect(jobs.done.toSorted()).toEqual(['999', 'medium']);
  });

  it('never match values of another type, and warn once', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(jobs.value, 'b', '>', 10);
    await queue.strike(jobs.value, 'b', '!=', 10);
    for (const value of ['11', true, null, new Date(11), [11], { b: 11 }]) {
      expect((await queue.add(jobs.value)(value)).disposition).toBe('scheduled');
    }
    await queue.runUntilFinished();
    expect(jobs.done).toHaveLength(6);
    await expectLines(
      () => test.logs.matching('never matches'),
      ["warn The strike on 'b' never matches task jobs.value: its values are of another type. Tasks"],
    );
  });

  it('refuse a parameter that the task does not have', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const name = 'amuont';
    await expect(queue.strike(jobs.order, 'constructor', '==', 1)).rejects.toThrow(usageError('UNKNOWN_PARAMETER'));
    const striking = queue.strike(jobs.order, name, '==', 1);
    await expect(striking).rejects.toThrow(usageError('UNKNOWN_PARAMETER'));
    await expect(striking).rejects.toThrow(
      `Task jobs.order has no parameter '${name}'. Parameters: customerId, amount.`,
    );
    await expect(queue.strike(jobs.destructured, name, '==', 1)).rejects.toThrow('Parameters: customerId, amount.');
    expect(await queue.strikes()).toEqual([]);
    await queue.strike(jobs.object, name, '==', 1); // whose keys nobody knows
    await queue.strike(null, name, '==', 1);
    await queue.strike('elsewhere', name, '==', 1);
    expect(await queue.strikes()).toHaveLength(3);
  });

  it('say who has made them, where that was told', async () => {
    await using test = await start({ worker: false });
    const { queue } = test;
    expect((await queue.strike('a', { by: 'ada@example.com', reason: 'fraud' })).by).toBe('ada@example.com');
    expect((await queue.strike('b')).by).toBeUndefined();
    const seen = await queue.strikes();
    expect(seen.map(({ task, by }) => [task, by]).toSorted()).toEqual([
      ['a', 'ada@example.com'],
      ['b', undefined],
    ]);
    for (const { task } of seen) await queue.restore(task as string);
  });

  it('refuse what means nothing', async () => {
    await using test = await start({ worker: false });
    const strike = test.queue.strike.bind(test.queue) as (...all: unknown[]) => Promise<unknown>;
    for (const args of [
      [null],
      ['jobs.order', 'amount', '~', 1],
      ['jobs.order', 'amount'],
      ['jobs.order', 'amount', '=='],
      ['jobs.order', 'amount', 'between', 1],
      ['jobs.order', 'amount', 'between', [1, 2, 3]],
      ['jobs.order', 'amount', 'in', 1],
      ['jobs.order', 'amount', '<', {}],
      ['jobs.order', { mode: 'kill' }],
      ['jobs.order', { reason: 1 }],
      ['jobs.order', { by: '' }],
      ['jobs.order', { by: 'x'.repeat(201) }],
    ]) {
      await expect(strike(...args)).rejects.toThrow(TaskArgumentError);
    }
    expect(await test.queue.strikes()).toEqual([]);
  });

  it('may be said three times, and taken back as often', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    for (const reason of ['first', 'second', 'third']) await queue.strike(jobs.order, 'amount', '>', 1, { reason });
    expect((await queue.strikes()).map(({ reason }) => reason)).toEqual(['third']);
    const answers: boolean[] = [];
    for (let times = 0; times < 3; times += 1) answers.push(await queue.restore(jobs.order, 'amount', '>', 1));
    expect(answers).toEqual([true, false, false]);
    expect(await queue.restore(jobs.mail)).toBe(false);
    expect(await queue.restore(null, 'nothing', '==', 1)).toBe(false);
    expect(await queue.strikes()).toEqual([]);
    expect((await queue.add(jobs.order)('a', 2)).disposition).toBe('scheduled');
    await queue.runUntilFinished();
  });

  it('are listed, with why, since when and for how long', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const before = Date.now();
    const strike = await queue.strike(jobs.order, 'amount', 'in', [1, 2n, new Date(3)], {
      mode: 'hold',
      reason: 'fraud',
      expiresIn: '1h',
    });
    await queue.strike(jobs.mail);
    const strikes = await queue.strikes();
    const [whole, partial] = strikes.toSorted((a, b) => (a.task ?? '').localeCompare(b.task ?? ''));
    expect(partial).toEqual(strike);
    expect(partial).toEqual({
      task: 'jobs.order',
      parameter: 'amount',
      operator: 'in',
      value: [1, 2n, new Date(3)],
      mode: 'hold',
      reason: 'fraud',
      since: expect.any(Date),
      expiresAt: new Date(strike.since.getTime() + 3_600_000),
    });
    expect(strike.since.getTime()).toBeGreaterThanOrEqual(before);
    expect(whole).toMatchObject({ task: 'jobs.mail', mode: 'drop', parameter: undefined, expiresAt: undefined });
    await expectLines(
      () => test.logs.matching('Strike added'),
      [
        'warn Strike added: executions of jobs.order with amount in … are held: fraud Tasks',
        'warn Strike added: executions of jobs.mail are dropped Tasks',
      ],
    );
  });

  it('give their reason', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(null, 'customerId', '==', 'a', { reason: 'chargebacks' });
    const struck = await queue.add(jobs.order, { key: 'k' })('a');
    await expectStruck(struck, 'struck (any task, customerId ==): chargebacks');
    expect(await struck.cancel()).toBe('not-found');
    expect((await struck.refresh()).state).toBe('dropped');
    expect(test.logs.matching('jobs.order (k)')).toEqual([
      'warn Execution jobs.order (k) was not added: struck (any task, customerId ==): chargebacks Tasks',
    ]);
  });

  it('are on what was added before, too', async () => {
    await using test = await start({ concurrency: 1 });
    const { queue, jobs } = test;
    await queue.add(jobs.stay)('busy');
    await until(() => jobs.inside.names.length === 1, 'the worker to be busy');
    const struck = await queue.add(jobs.order, { key: 'struck' })('a', 101);
    const other = await queue.add(jobs.order)('a', 100);
    await queue.strike(jobs.order, 'amount', '>', 100, { reason: 'late' });
    expect(struck.disposition).toBe('scheduled');
    jobs.inside.open();
    await expectStruck(struck, 'struck (jobs.order, amount >): late');
    expect(await other.result()).toBe('order a 100');
    expect(jobs.done).toEqual(['order a 100']);
    await expectCounts(queue, { struck: 1, dropped: 1, started: 2 });
    expect((await queue.add(jobs.order, { key: 'struck' })('b', 1)).disposition).toBe('scheduled');
    await queue.runUntilFinished();
  });

  it('leave what runs alone', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const running = await queue.add(jobs.stay)('a');
    await until(() => jobs.inside.names.length === 1, 'it to run');
    await queue.strike(jobs.stay);
    jobs.inside.open();
    expect(await running.result()).toBe('a');
  });

  it('are on retries', async () => {
    await using test = await start();
    const execution = await test.queue.add(test.jobs.retried)('a');
    await expectStruck(execution, 'struck (jobs.retried, customerId ==): it fails');
    expect(test.jobs.attempts).toEqual([1]);
  });

  it('refuse a replacement, and leave what it was to replace', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.add(jobs.order, { key: 'k', when: '1h' })('a', 1);
    await queue.strike(jobs.order, 'amount', '>', 100);
    const struck = await queue.replace(jobs.order, { key: 'k', when: 0 })('a', 101);
    expect([struck.disposition, struck.state]).toEqual(['struck', 'dropped']);
    expect(await queue.get('k')).toMatchObject({ state: 'scheduled', args: ['a', 1] });
  });

  it('are kept when the queue is cleared', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.add(jobs.order, { when: '1h' })('a', 1);
    await queue.strike(jobs.order);
    expect(await queue.clear()).toBe(1);
    expect(await queue.strikes()).toHaveLength(1);
    expect((await queue.add(jobs.order)('a')).disposition).toBe('struck');
  });

  describe('that hold', () => {
    it('park what they are on, with its key taken, until they are taken back', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, 'amount', '>', 100, { mode: 'hold', reason: 'checks' });
      const held = await queue.add(jobs.order, { key: 'k' })('a', 101);
      expect([held.disposition, held.reason]).toEqual(['struck', 'struck (jobs.order, amount >): checks']);
      await expectHeld(held);
      expect(held).toMatchObject({ reason: 'struck (jobs.order, amount >): checks', attempt: 1 });
      expect((await queue.add(jobs.order, { key: 'k' })('b', 1)).disposition).toBe('already-scheduled');
      expect((await queue.snapshot()).counts.parked).toBe(1);
      await (await queue.add(jobs.order)('c', 100)).result();
      expect(await queue.restore(jobs.order, 'amount', '>', 100)).toBe(true);
      expect(await held.result({ timeout: '8s' })).toBe('order a 101');
      expect(jobs.done).toEqual(['order c 100', 'order a 101']);
      await expectCounts(queue, { parked: 1, dropped: 0, completed: 2 });
    });

    it('let go by themselves when their time is over', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      const { expiresAt } = await queue.strike(jobs.order, { mode: 'hold', expiresIn: 2_000 });
      const held = await queue.add(jobs.order)('a');
      expect(held.disposition).toBe('struck');
      expect(await held.result({ timeout: '15s' })).toBe('order a 0');
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt!.getTime() - TOLERANCE);
      await expectCounts(queue, { parked: 1 });
      expect(await queue.strikes()).toEqual([]);
    });

    it('let the others go on that hold it', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      await queue.strike(jobs.order, 'amount', '>', 100, { mode: 'hold', reason: 'the other' });
      const held = await queue.add(jobs.order)('a', 101);
      await expectHeld(held);
      await queue.restore(jobs.order);
      await until(async () => (await held.refresh()).reason?.includes('the other'), 'the other to hold it');
      await expectHeld(held);
      await queue.restore(jobs.order, 'amount', '>', 100);
      expect(await held.result({ timeout: '8s' })).toBe('order a 101');
    });

    it('drop what they hold when they are changed to that', async () => {
      await using test = await start();
      const { jobs, queue } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      const held = await queue.add(jobs.order)('x', 1);
      await until(async () => (await held.refresh()).state === 'parked', 'it to be held');
      await queue.strike(jobs.order, { mode: 'drop', reason: 'for good' });
      await expect(held.result({ timeout: '10s' })).rejects.toThrow('for good');
      expect(await queue.strikes()).toHaveLength(1);
      await queue.restore(jobs.order);
    });

    it('let the others go on that hold many', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      await queue.strike(jobs.order, 'amount', '>', 100, { mode: 'hold', reason: 'the other' });
      const all = await Promise.all(
        Array.from({ length: 60 }, (_, number) => queue.add(jobs.order)(`c${number}`, 101)),
      );
      const areHeld = async (): Promise<boolean> => (await queue.snapshot({ limit: 0 })).counts.parked === all.length;
      await until(areHeld, 'all to be held');
      await queue.restore(jobs.order);
      await until(async () => queue.counts.parked >= 2 * all.length && (await areHeld()), 'the other to hold them');
      await queue.restore(jobs.order, 'amount', '>', 100);
      await until(() => new Set(jobs.done).size >= all.length, 'all to run', 20_000);
      await queue.runUntilFinished();
      expect(jobs.done).toHaveLength(all.length); // each of them once
    });

    it('are outdone by those that drop', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      const held = await queue.add(jobs.order)('a', 101);
      await expectHeld(held);
      await queue.strike(jobs.order, 'amount', '>', 100);
      expect((await queue.add(jobs.order)('a', 102)).state).toBe('dropped');
      await queue.restore(jobs.order);
      await expectStruck(held, 'struck (jobs.order, amount >)');
    });

    it('may be changed into one that drops', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      await expectHeld(await queue.add(jobs.order)('a', 1));
      await queue.strike(jobs.order, { mode: 'drop' });
      expect((await queue.add(jobs.order)('a', 2)).state).toBe('dropped');
      expect(await queue.strikes()).toMatchObject([{ mode: 'drop' }]);
    });

    it('hold what was added before, and what can be cancelled and replaced', async () => {
      await using test = await start({ concurrency: 1 });
      const { queue, jobs } = test;
      await queue.add(jobs.stay)('busy');
      await until(() => jobs.inside.names.length === 1, 'the worker to be busy');
      const [first, second] = [
        await queue.add(jobs.order, { key: 'first' })('a', 1),
        await queue.add(jobs.order, { key: 'second' })('b', 1),
      ];
      await queue.strike(jobs.order, 'amount', '==', 1, { mode: 'hold' });
      jobs.inside.open();
      await expectHeld(first);
      await expectHeld(second);
      expect(await queue.cancel('first')).toBe('cancelled');
      await expect(first.result()).rejects.toThrow(ExecutionCancelledError);
      const replaced = await queue.replace(jobs.order, { key: 'second', when: 0 })('b', 2);
      expect(await replaced.result({ timeout: '8s' })).toBe('order b 2');
      await queue.restore(jobs.order, 'amount', '==', 1);
      await queue.runUntilFinished();
      expect(jobs.done).toEqual(['order b 2']);
    });

    it('hold many', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.value, { mode: 'hold' });
      const all = await Promise.all(Array.from({ length: 25 }, (_, number) => queue.add(jobs.value)(number)));
      await until(async () => (await queue.snapshot({ limit: 0 })).counts.parked === 25, 'all to be held');
      await queue.restore(jobs.value);
      await Promise.all(all.map((execution) => execution.result({ timeout: '10s' })));
      expect(new Set(jobs.done).size).toBe(25);
      expect(jobs.done).toHaveLength(25);
    });

    it('do not hold what is not due', async () => {
      await using test = await start();
      const { queue, jobs } = test;
      await queue.strike(jobs.order, { mode: 'hold' });
      const later = await queue.add(jobs.order, { when: '1h' })('a');
      expect([later.disposition, (await later.refresh()).state]).toEqual(['struck', 'scheduled']);
    });
  });

  it('end by themselves when their time is over', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const { expiresAt } = await queue.strike(jobs.order, { expiresIn: 2_000 });
    expect((await queue.add(jobs.order)('a')).disposition).toBe('struck');
    const execution = await until(async () => {
      const added = await queue.add(jobs.order)('b');
      return added.disposition === 'scheduled' && added;
    }, 'the strike to end');
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt!.getTime() - TOLERANCE);
    expect(await execution.result()).toBe('order b 0');
    expect(await queue.strikes()).toEqual([]);
  });

  it.each<[string, StrikeOptions]>([
    ['drop', {}],
    ['hold', { mode: 'hold' }],
  ])('of a perpetual task skip its runs, and keep its chain: %s', async (_mode, options) => {
    await using test = await start();
    const { queue, jobs } = test;
    const execution = await queue.add(jobs.tick, { key: 'k' })('a');
    await until(() => jobs.ticks.length >= 2, 'two runs');
    await queue.strike(jobs.tick, 'customerId', '==', 'a', options);
    const since = queue.counts.struck;
    await until(() => queue.counts.struck >= since + 2, 'two runs to be skipped');
    const runs = jobs.ticks.length;
    await until(() => queue.counts.struck >= since + 4, 'two more runs to be skipped');
    expect(jobs.ticks).toHaveLength(runs);
    expect(['scheduled', 'queued', 'running']).toContain((await execution.refresh()).state);
    expect(test.logs.matching('jobs.tick (k) skips a run').length).toBeGreaterThanOrEqual(4);
    await queue.restore(jobs.tick, 'customerId', '==', 'a');
    await until(() => jobs.ticks.length >= runs + 2, 'two more runs');
    await expectCounts(queue, { dropped: 0, parked: 0 });
    await queue.cancel('k');
  });

  it('refuse to begin the chain of a perpetual task', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    await queue.strike(jobs.tick);
    expect((await queue.add(jobs.tick, { key: 'k' })('a')).disposition).toBe('struck');
    expect(await queue.get('k')).toBeUndefined();
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS) {
  describe(`strikes in a fleet: ${kind.label}`, () => {
    const space = brokerSpace(kind);
    const start = (options?: QueueContextOptions): Promise<StrikesContext> => startJobs(space, options);

    it('are in force in a process that is connected, within a second', async () => {
      await using one = await start();
      await using two = await start({ fleet: one.fleet, worker: false });
      expect((await two.queue.add(two.jobs.order)('a')).disposition).toBe('scheduled');
      await one.queue.strike(one.jobs.order, { reason: 'everywhere' });
      const struckAt = performance.now();
      let last = 0;
      await until(async () => {
        last = performance.now();
        return (await two.queue.add(two.jobs.order)('a')).disposition === 'struck';
      }, 'the strike to be known');
      // A busy machine adds the other second.
      expect(last - struckAt).toBeLessThan(2_000);
      await one.queue.restore(one.jobs.order);
      await until(
        async () => (await two.queue.add(two.jobs.order)('a')).disposition === 'scheduled',
        'the restore to be known',
      );
      await one.queue.runUntilFinished();
    });

    it('are known to a process that connects later, at its first add and before its first run', async () => {
      await using one = await start({ worker: false });
      const waiting = await one.queue.add(one.jobs.order)('a', 101);
      await one.queue.strike('jobs.order', 'amount', '>', 100);
      const held = await one.queue.add(one.jobs.mail)('a');
      await one.queue.strike('jobs.mail', { mode: 'hold' });
      await using two = await start({ fleet: one.fleet });
      const first = await two.queue.add(two.jobs.order)('b', 101);
      expect(first.disposition).toBe('struck');
      await expectStruck(waiting, 'struck (jobs.order, amount >)');
      await expectHeld(held);
      expect(two.jobs.done).toEqual([]);
      expect(await two.queue.strikes()).toEqual(await one.queue.strikes());
    });

    it('let go what they hold in whichever process they are taken back', async () => {
      await using worker = await start();
      await using adder = await start({ fleet: worker.fleet, worker: false });
      await adder.queue.strike(adder.jobs.order, { mode: 'hold' });
      const held = await adder.queue.add(adder.jobs.order)('a');
      await expectHeld(held);
      await adder.queue.restore(adder.jobs.order);
      expect(await held.result({ timeout: '8s' })).toBe('order a 0');
    });

    it('let go what they hold after the worker that had parked it has left', async () => {
      const one = await startQueue(space, { providers: [Jobs, Turnstile] });
      await one.queue.strike('jobs.order', { mode: 'hold' });
      const { key } = await one.queue.add('jobs.order')('a');
      await until(async () => (await one.queue.get(key))?.state === 'parked', 'it to be held');
      await one.queue.restore('jobs.order');
      await one.context.close();
      await using two = await start({ fleet: one.fleet });
      expect(await (await two.queue.get(key))?.result({ timeout: '8s' })).toBe('order a 0');
    });

    it('are on tasks that only other processes declare', async () => {
      await using worker = await start();
      await using adder = await startQueue(space, {}, { fleet: worker.fleet, worker: false });
      const { queue } = adder;
      await queue.strike('jobs.mail');
      await queue.strike('jobs.order', 'customerId', '==', 'a');
      await queue.strike('jobs.object', 'customerId', '==', 'a');
      await until(async () => (await worker.queue.strikes()).length === 3, 'the worker to know them');
      const remote = { remote: true } as const;
      const dispositions = [
        await queue.add('jobs.mail', remote)('a'),
        await queue.add('jobs.object', remote)({ customerId: 'a' }),
        await queue.add('jobs.object', remote)({ customerId: 'b' }),
      ].map(({ disposition }) => disposition);
      expect(dispositions).toEqual(['struck', 'struck', 'scheduled']);
      // Its parameters have names in the worker alone, which drops it.
      const unknown = await queue.add('jobs.order', remote)('a', 1);
      expect(unknown.disposition).toBe('scheduled');
      await expectStruck(unknown, 'struck (jobs.order, customerId ==)');
      await queue.runUntilFinished();
      expect(worker.jobs.done).toEqual(['object b']);
    });

    it('stay when everybody has left', async () => {
      const one = await startQueue(space, { providers: [Jobs, Turnstile] });
      await one.queue.strike('jobs.order', { reason: 'for long' });
      await one.context.close();
      await during(50, () => {});
      await using two = await start({ fleet: one.fleet });
      expect(await two.queue.strikes()).toMatchObject([{ task: 'jobs.order', reason: 'for long' }]);
      expect((await two.queue.add(two.jobs.order)('a')).disposition).toBe('struck');
    });
  });
}
