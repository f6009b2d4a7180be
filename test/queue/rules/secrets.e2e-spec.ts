import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Logged,
  Perpetual,
  RateLimit,
  TaskContext,
  type Execution,
  type Json,
  type TaskContextCarrier,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { expectCounts, expectLines } from '../../support/expect-soon.js';
import { observe, startQueue, type QueueContext, type QueueContextOptions } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

/** In arguments that are not logged, in results, and in what strikes compare with. */
const SECRET = 'hunter2-4111-1111';

interface Card {
  readonly number: string;
}

@Injectable()
class Jobs {
  readonly seen: unknown[] = [];

  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('secrets.pay')
  pay(@Logged() customerId: string, card: Card, @Logged({ lengthOnly: true }) items: readonly string[]): unknown {
    this.seen.push([customerId, card, items]);
    return { token: card.number };
  }

  @Durable('secrets.write')
  write(card: Card, _name: string): string {
    this.context.logger.log('charging', 'Payments');
    return card.number;
  }

  @Durable('secrets.fail')
  fail(card: Card): never {
    this.seen.push(card);
    throw new Error('declined');
  }

  @Durable('secrets.retry', { retry: { attempts: 2, delay: 300 } }) // the line of a busy machine comes before the next attempt
  retry(card: Card): string {
    if (this.context.attempt === 1) throw new Error('declined');
    return card.number;
  }

  // Apart enough for a run to start only after what is logged of the end of the one before.
  @Perpetual({ every: 300 })
  @Durable('secrets.tick')
  tick(card: string): string {
    this.seen.push(card);
    if (this.seen.length === 2) this.context.perpetual.cancel();
    else this.context.perpetual.perpetuate(`${card} again`);
    return card;
  }

  @Durable('secrets.hold')
  hold(card: Card, name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal).then(() => card.number);
  }

  @Durable('secrets.limited')
  limited(@ConcurrencyLimit(1) card: string, name: string): Promise<string> {
    return this.inside.stay(name, this.context.signal).then(() => card);
  }

  @Durable('secrets.rated')
  rated(@RateLimit(1, { per: 2_000 }) card: string): string {
    return card;
  }

  @Durable('secrets.ratedDrop')
  ratedDrop(@RateLimit(1, { per: '1h', drop: true }) card: string): string {
    return card;
  }

  @Durable('secrets.cooled')
  cooled(@Cooldown('1h', { by: 'number' }) card: Card): string {
    return card.number;
  }

  @Durable('secrets.debounced')
  debounced(@Debounce(100) card: string): string {
    return card;
  }

  @Durable('secrets.sum')
  sum(card: string): unknown {
    return [card, this.context.outcomes];
  }

  @Durable('secrets.typed')
  typed(amount: unknown): unknown {
    return amount;
  }
}

const CONTEXT = new AsyncLocalStorage<unknown>();

@Injectable()
class SecretCarrier implements TaskContextCarrier {
  readonly name = 'secret';

  capture(): Json | undefined {
    return CONTEXT.getStore() as Json | undefined;
  }

  restore<R>(value: Json, run: () => R): R {
    if (value === `bad ${SECRET}`) throw new Error('no such tenant');
    return CONTEXT.run(value, run);
  }
}

interface SecretsContext extends QueueContext {
  readonly jobs: Jobs;
  /** The lines about an execution: those that hold all of these texts. Of errors without the stack. */
  lines(...texts: string[]): string[];
}

async function startJobs(
  space: ReturnType<typeof brokerSpace>,
  options: QueueContextOptions = {},
): Promise<SecretsContext> {
  const test = await startQueue(
    space,
    { providers: [Jobs, Turnstile, SecretCarrier] },
    { carriers: [SecretCarrier], ...options },
  );
  const { logs } = test;
  return {
    ...test,
    jobs: test.context.get(Jobs),
    lines: (...texts) =>
      logs.lines.filter((line) => texts.every((text) => line.includes(text))).map((line) => line.split('\n')[0] ?? ''),
    [Symbol.asyncDispose]: async () => {
      await test.context.close();
      // Whatever a test has been about.
      expect(logs.lines.filter((line) => line.includes(SECRET))).toEqual([]);
      expect(logs.lines.filter((line) => line.includes('hunter2'))).toEqual([]);
    },
  };
}

const CARD: Card = { number: SECRET };

describe.each(BROKERS)('a line in the log, and no secret, is left by: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions): Promise<SecretsContext> => startJobs(space, options);

  it('the start and the end of a run', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    const execution = await queue.add(jobs.pay, { key: 'k' })('12345', CARD, ['a', SECRET, 'c']);
    expect(await execution.result()).toEqual({ token: SECRET });
    expect(jobs.seen).toEqual([['12345', CARD, ['a', SECRET, 'c']]]);
    await expectLines(
      () => lines('k'),
      [
        "debug Execution k starts: secrets.pay(customerId='12345', card=…, items=[len 3]) Tasks",
        expect.stringMatching(/^debug Execution secrets\.pay \(k\) completed in [\d.]+m?s Tasks$/),
      ],
    );
  });

  it('a failure', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await expect((await queue.add(jobs.fail, { key: 'k' })(CARD)).result()).rejects.toThrow('declined');
    await expectLines(
      () => lines('secrets.fail'),
      [
        'debug Execution k starts: secrets.fail(card=…) Tasks',
        expect.stringMatching(/^error Task secrets\.fail#\d+ failed: declined /),
      ],
    );
  });

  it('a retry', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await (await queue.add(jobs.retry, { key: 'k' })(CARD)).result();
    await expectLines(
      () => lines('secrets.retry'),
      [
        'debug Execution k starts: secrets.retry(card=…) Tasks',
        expect.stringMatching(/^error Attempt 1 of task secrets\.retry#\d+ failed: declined /),
        expect.stringMatching(/^log Execution secrets\.retry \(k\) is retried in [\d.]+m?s, after attempt 1 Tasks$/),
        'debug Execution k starts: secrets.retry(card=…), attempt 2 Tasks',
        expect.stringMatching(/^debug Execution secrets\.retry \(k\) completed in [\d.]+m?s Tasks$/),
      ],
    );
  });

  it('a perpetual task that goes on', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await (await queue.add(jobs.tick, { key: 'k' })(SECRET)).result();
    expect(jobs.seen).toEqual([SECRET, `${SECRET} again`]);
    const completed = expect.stringMatching(/^debug Execution secrets\.tick \(k\) completed in [\d.]+m?s Tasks$/);
    await expectLines(
      () => lines('secrets.tick'),
      [
        'debug Execution k starts: secrets.tick(card=…) Tasks',
        completed,
        expect.stringMatching(/^debug Execution secrets\.tick \(k\) runs again at \d{4}-\d\d-\d\dT[\d:.]+Z Tasks$/),
        'debug Execution k starts: secrets.tick(card=…) Tasks',
        completed,
      ],
    );
  });

  it('a strike: that it is there, that it was met by an add, and that it is gone', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    const strike = ['card', '==', SECRET] as const;
    await queue.strike(jobs.tick, ...strike, { reason: 'stolen' });
    expect((await queue.add(jobs.tick, { key: 'k' })(SECRET)).disposition).toBe('struck');
    await queue.restore(jobs.tick, ...strike);
    await expectLines(
      () => lines('secrets.tick'),
      [
        'warn Strike added: executions of secrets.tick with card == … are dropped: stolen Tasks',
        'warn Execution secrets.tick (k) was not added: struck (secrets.tick, card ==): stolen Tasks',
        'log Strike removed: executions of secrets.tick with card == … run again Tasks',
      ],
    );
  });

  it('a strike that is met by a run', async () => {
    await using test = await start({ concurrency: 1 });
    const { queue, jobs, lines } = test;
    await queue.add(jobs.hold)(CARD, 'busy');
    await until(() => jobs.inside.names.length === 1, 'the worker to be busy');
    const execution = await queue.add(jobs.limited, { key: 'struck' })(SECRET, 'never');
    await queue.strike(null, 'card', 'in', [SECRET, 'x']);
    jobs.inside.open();
    await expect(execution.result()).rejects.toThrow('struck (any task, card in)');
    await queue.restore(null, 'card', 'in', [SECRET, 'x']);
    await expectLines(
      () => lines('any task'),
      [
        'warn Strike added: executions of any task with card in … are dropped Tasks',
        'warn Execution secrets.limited (struck) does not run: struck (any task, card in) Tasks',
        'log Strike removed: executions of any task with card in … run again Tasks',
      ],
    );
  });

  it('a strike that holds', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await queue.strike(jobs.cooled, 'number', '==', SECRET, { mode: 'hold' });
    const execution = await queue.add(jobs.cooled, { key: 'k' })(CARD);
    await until(async () => (await execution.refresh()).state === 'parked', 'it to be held');
    await queue.restore(jobs.cooled, 'number', '==', SECRET);
    expect(await execution.result({ timeout: '8s' })).toBe(SECRET);
    // What the process says that adds it may come before or after what the worker says.
    const said = (): string[] =>
      lines('secrets.cooled')
        .map((line) => line.replace(/in [\d.]+m?s/, 'in 1ms'))
        .toSorted();
    await expectLines(said, [
      'debug Execution k starts: secrets.cooled(card=…) Tasks',
      'debug Execution secrets.cooled (k) completed in 1ms Tasks',
      'log Strike removed: executions of secrets.cooled with number == … run again Tasks',
      'warn Execution secrets.cooled (k) is held: struck (secrets.cooled, number ==) Tasks',
      'warn Execution secrets.cooled (k) will be held: struck (secrets.cooled, number ==) Tasks',
      'warn Strike added: executions of secrets.cooled with number == … are held Tasks',
    ]);
  });

  it('values that a strike cannot be compared with', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await queue.strike(jobs.typed, 'amount', '>', 7);
    for (const value of [SECRET, CARD, [SECRET]]) {
      expect(await (await queue.add(jobs.typed)(value)).result()).toEqual(value);
    }
    await queue.restore(jobs.typed, 'amount', '>', 7);
    await expectLines(
      () => lines('never matches'),
      ["warn The strike on 'amount' never matches task secrets.typed: its values are of another type. Tasks"],
    );
  });

  it('a limit that parks', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await queue.add(jobs.limited)(SECRET, 'first');
    await until(() => jobs.inside.names.length === 1, 'the first to run');
    const parked = await queue.add(jobs.limited, { key: 'k' })(SECRET, 'second');
    await until(async () => (await parked.refresh()).state === 'parked', 'it to be parked');
    expect(await queue.limits()).toMatchObject([{ value: SECRET }]); // whoever asks is told
    expect(parked.reason).not.toContain(SECRET);
    jobs.inside.open();
    await parked.result();
    await expectLines(
      () => lines('(k) is parked'),
      ['debug Execution secrets.limited (k) is parked: concurrency limit reached for card (1 running) Tasks'],
    );
  });

  it('a rate limit', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await (await queue.add(jobs.rated)(SECRET)).result();
    await (await queue.add(jobs.rated, { key: 'k' })(SECRET)).result();
    await expectLines(
      () => lines('secrets.rated (k) is delayed'),
      [
        expect.stringMatching(
          /^debug Execution secrets\.rated \(k\) is delayed until \S+Z: rate limit reached for card \(1 start in 2s\) Tasks$/,
        ),
      ],
    );
    await (await queue.add(jobs.ratedDrop)(SECRET)).result();
    await expect((await queue.add(jobs.ratedDrop, { key: 'd' })(SECRET)).result()).rejects.toThrow('was dropped');
    await expectLines(
      () => lines('(d)'),
      ['warn Execution secrets.ratedDrop (d) was dropped: rate limit reached for card (1 start in 1h) Tasks'],
    );
  });

  it('a cooldown', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await (await queue.add(jobs.cooled)(CARD)).result();
    await expect((await queue.add(jobs.cooled, { key: 'k' })(CARD)).result()).rejects.toThrow('was dropped');
    await expectLines(
      () => lines('(k)'),
      [
        'warn Execution secrets.cooled (k) was dropped: cooldown of card.number: another execution started within the last 1h Tasks',
      ],
    );
  });

  it('what has ended, its trail, its group, and that it was retried and forgotten', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await (await queue.add(jobs.fail, { key: 'k' })(CARD)).result().catch(() => {});
    await (await queue.add(jobs.retry, { key: 'r' })(CARD)).result();
    const { executions } = await queue.history();
    const shown = executions.map(({ trail, reason, error, state }) => ({
      trail,
      reason,
      error: error?.message,
      state,
    }));
    expect(JSON.stringify([shown, await queue.failures()])).not.toContain('hunter2');
    expect(await queue.retry('k')).toBe('retried');
    await (await queue.get('k'))?.result().catch(() => {});
    await (await queue.retryAll({ error: 'declined', keyPrefix: 'hunter2' })).result();
    expect(await queue.forget('k')).toBe(true);
    await expectLines(
      () => [...lines('queue.retry()'), ...lines('queue.forget()'), ...lines('starts: tasks.retryAll')],
      [
        'log Execution secrets.fail (k) was retried by queue.retry() Tasks',
        'log Execution secrets.fail (k) was removed by queue.forget() Tasks',
        expect.stringMatching(/^debug Execution \S+ starts: tasks\.retryAll\(filter=…, perSecond=…\) Tasks$/),
      ],
    );
  });

  it('a debounce', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    const first = await queue.add(jobs.debounced, { key: 'first' })(SECRET);
    const last = await queue.add(jobs.debounced, { key: 'last' })(SECRET);
    await last.result();
    await expect(first.result()).rejects.toThrow('was dropped');
    await expectLines(
      () => lines('(first)', 'dropped'),
      [
        `warn Execution secrets.debounced (first) was dropped: debounced for card: a newer execution arrived within 100ms Tasks`,
      ],
    );
    await expectLines(
      () => lines('(last)', 'is delayed'),
      [
        expect.stringMatching(
          /^debug Execution secrets\.debounced \(last\) is delayed until \S+Z: debouncing for card: waiting 100ms for newer executions Tasks$/,
        ),
      ],
    );
  });

  it('an execution that follows others', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    const first = await queue.add(jobs.hold)(CARD, 'first');
    const sum = await queue.after([first]).add(jobs.sum, { key: 'sum' })(SECRET);
    await until(async () => (await sum.refresh()).state === 'parked', 'it to wait');
    jobs.inside.open();
    expect(await sum.result({ timeout: '8s' })).toEqual([SECRET, [expect.objectContaining({ value: SECRET })]]);
    await expectLines(
      () => lines('(sum) is parked'),
      ['debug Execution secrets.sum (sum) is parked: waiting for the executions passed to queue.after() Tasks'],
    );
  });

  it('a cancellation, of what waits and of what runs', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await queue.add(jobs.hold, { key: 'waits', when: '1h' })(CARD, 'never');
    const running = await queue.add(jobs.hold, { key: 'runs' })(CARD, 'running');
    await until(() => jobs.inside.names.length === 1, 'it to run');
    await queue.cancel('waits', 'not wanted');
    await queue.cancel('runs');
    await expect(running.result()).rejects.toThrow('was cancelled');
    await expectLines(
      () => lines('was cancelled', 'Execution'),
      [
        'log Execution secrets.hold (waits) was cancelled: not wanted Tasks',
        'log Execution secrets.hold (runs) was cancelled: queue.cancel() was called Tasks',
      ],
    );
  });

  it('a replacement, of what waits and of what runs', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    await queue.add(jobs.hold, { key: 'waits', when: '1h' })(CARD, 'old');
    await queue.replace(jobs.hold, { key: 'waits', when: '2h' })(CARD, 'new');
    await queue.add(jobs.hold, { key: 'runs' })(CARD, 'old');
    await until(() => jobs.inside.names.length === 1, 'it to run');
    await queue.replace(jobs.pay, { key: 'runs', when: 0 })('12345', CARD, []);
    jobs.inside.open();
    await until(() => lines('(runs) completed').length === 2, 'both to run');
    await expectLines(
      () => lines('runs', 'starts'),
      [
        'debug Execution runs starts: secrets.hold(card=…, name=…) Tasks',
        "debug Execution runs starts: secrets.pay(customerId='12345', card=…, items=[len 0]) Tasks",
      ],
    );
    expect(await queue.clear()).toBe(1);
    await expectLines(() => lines('Cleared'), ['log Cleared 1 execution from the queue Tasks']);
  });

  it('a task that this process does not know', async () => {
    await using test = await start();
    const { queue, lines } = test;
    const execution = await queue.add('secrets.newer', { key: 'k', remote: true })(CARD, SECRET);
    await until(async () => (await execution.refresh()).reason !== undefined, 'it to be handed back');
    expect(await queue.cancel('k')).toBe('cancelled');
    await expectLines(
      () => lines('(k)'),
      [
        expect.stringMatching(
          /^warn Execution secrets\.newer \(k\) was released for \d+m?s: task 'secrets\.newer' is not declared in this process\./,
        ),
        'log Execution secrets.newer (k) was cancelled: queue.cancel() was called Tasks',
      ],
    );
  });

  it('crashes, and an execution that has crashed too often', async () => {
    await using test = await start({ concurrency: 1, lease: 500 });
    const { queue, jobs, lines } = test;
    await queue.add(jobs.hold)(CARD, 'busy');
    await until(() => jobs.inside.names.length === 1, 'the worker to be busy');
    const execution = await queue.add(jobs.pay, { key: 'k' })('12345', CARD, [SECRET]);
    await using broker = observe(space, test, { lease: 500 });
    for (let crashes = 0; crashes < 5; crashes += 1) {
      expect(await broker.runs.claim()).toBeDefined();
      await until(async () => (await broker.executions.get('k'))?.state === 'queued', 'the lease to expire');
    }
    jobs.inside.open();
    await expect(execution.result()).rejects.toMatchObject({ code: 'TASK_CRASHED' });
    expect(jobs.seen).toEqual([]);
    await expectLines(
      () => lines('secrets.pay', 'failed'),
      [
        expect.stringMatching(
          /^error Task secrets\.pay#\d+ failed: The worker died 5 times in a row while it ran task secrets\.pay\./,
        ),
      ],
    );
    await expectCounts(queue, { recovered: 5 });
    expect(lines('stopped renewing')).toHaveLength(5);
  });

  it('a shutdown', async () => {
    const test = await start();
    const { queue, jobs, lines } = test;
    await queue.add(jobs.hold, { key: 'k' })(CARD, 'running');
    await until(() => jobs.inside.names.length === 1, 'it to run');
    await test[Symbol.asyncDispose]();
    expect(lines('Execution secrets.hold (k)')).toEqual([
      'log Execution secrets.hold (k) was released: shutdown Tasks',
    ]);
  });

  it('what a carrier has captured: in a run, in an attempt that it fails, and in an addition that is refused', async () => {
    await using test = await start();
    const { queue, jobs, lines } = test;
    const add = (value: unknown) => CONTEXT.run(value, () => queue.add(jobs.pay, { key: 'k' })('12345', CARD, []));
    expect(await (await add({ token: SECRET })).result()).toEqual({ token: SECRET });
    await expect((await add(`bad ${SECRET}`)).result()).rejects.toThrow(
      /^Carrier 'secret': restore\(\) has thrown; its error is the cause\.$/,
    );
    await expectLines(
      () => lines('secrets.pay', 'failed'),
      [expect.stringMatching(/^error Task secrets\.pay#\d+ failed: Carrier 'secret': restore\(\) has thrown/)],
    );
    for (const value of [() => SECRET, { at: new Date(), [SECRET]: 1 }, SECRET.repeat(1_000)]) {
      const refused = await add(value).catch((error: Error) => error);
      expect(refused).toMatchObject({ code: 'TASK_ARGUMENT' });
      expect(inspect(refused, { depth: null })).not.toContain('hunter2');
    }
  });

  it('lines that are kept with an execution: no more than what the task writes', async () => {
    await using test = await start({ logs: 10 });
    const { queue, jobs } = test;
    const execution = await CONTEXT.run({ token: SECRET }, () => queue.add(jobs.write)(CARD, SECRET));
    expect(await execution.result()).toBe(SECRET);
    const failed = await queue.add(jobs.fail)(CARD);
    await expect(failed.result()).rejects.toThrow('declined');
    expect((await execution.logs()).map(({ level, message }) => `${level} ${message}`)).toEqual(['log charging']);
    expect(await failed.logs()).toEqual([]);
  });

  it('an agenda, and the progress of a run', async () => {
    await using test = await start();
    const { queue, jobs } = test;
    const agenda = queue.agenda().add(jobs.pay)('1', CARD, []).add(jobs.tick)(SECRET);
    const executions: Execution[] = await agenda.scatter({ over: 20 });
    for (const execution of executions) await execution.result({ timeout: '8s' });
    expect(jobs.seen.length).toBeGreaterThan(1);
  });
});

// A table may not be empty.
for (const kind of SHARED_BROKERS) {
  describe(`no secret is left in the log by two processes: ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('of which one only adds, and the other one loses a lease', async () => {
      // Nest has one logger for all: that of the application that was made last.
      await using worker = await startJobs(space, { lease: 300 });
      await using adder = await startJobs(space, { fleet: worker.fleet, worker: false, lease: 300 });
      const { queue, jobs, lines } = adder;
      const execution = await queue.add(jobs.hold, { key: 'k' })(CARD, SECRET);
      await until(() => worker.jobs.inside.names.length === 1, 'it to run');
      const renewals = jest.spyOn(worker.broker.runs, 'renew').mockImplementation(() => new Promise(() => {}));
      await until(() => lines('lost its lease').length === 1, 'the lease to be lost');
      renewals.mockRestore();
      await until(() => worker.jobs.inside.names.length === 1, 'it to run again');
      worker.jobs.inside.open();
      expect(await execution.result({ timeout: '8s' })).toBe(SECRET);
      await expectLines(
        () => lines('lost its lease'),
        [expect.stringMatching(/^warn Execution secrets\.hold \(k\) lost its lease: another worker may run it/)],
      );
    });
  });
}
