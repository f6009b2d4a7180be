import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, NoActiveTaskError, TaskContext, type Duration, type Execution } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { expectCounts } from '../../support/expect-soon.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';
import { usageError } from '../../support/usage-error.js';

jest.setTimeout(30_000);

const HOUR = 3_600_000;

type Say = (context: TaskContext) => void;

@Injectable()
class Calls {
  /** What each attempt says, in order; the ones after that succeed. */
  says: Say[] = [];
  readonly attempts: number[] = [];

  constructor(readonly context: TaskContext) {}

  private attempt(): string {
    this.attempts.push(this.context.attempt);
    const say = this.says[this.context.attempt - 1];
    if (say === undefined) return `attempt ${this.context.attempt}`;
    say(this.context);
    throw new Error('Too many requests');
  }

  @Durable('calls.slow', { retry: { attempts: 3, delay: '1h', maxDelay: '1h' } })
  slow(): string {
    return this.attempt();
  }

  @Durable('calls.quick', { retry: { attempts: 3, delay: 0, maxDelay: 0 } })
  quick(): string {
    return this.attempt();
  }

  @Durable('calls.once')
  once(): string {
    return this.attempt();
  }

  @Durable('calls.picky', { retry: { attempts: 3, delay: 0, retryOn: () => false } })
  picky(): string {
    return this.attempt();
  }
}

const after =
  (delay: Duration): Say =>
  ({ retry }) =>
    retry.after(delay);
const at =
  (fromNow: number): Say =>
  ({ retry }) =>
    retry.at(new Date(Date.now() + fromNow));
const nothing: Say = () => {};

describe.each(BROKERS)('an attempt that says when the next is due: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = async () => {
    const test = await startQueue(space, { providers: [Calls] });
    return Object.assign(test, { calls: test.context.get(Calls) });
  };
  const untilRetrying = (execution: Execution): Promise<unknown> =>
    until(async () => (await execution.refresh()).state === 'retrying', 'it to wait for its next attempt');

  it('is followed then, and not when the policy has it', async () => {
    await using test = await start();
    for (const says of [
      [after(20), after('20ms')],
      [at(20), at(20)],
      [at(-HOUR), after(0)],
    ]) {
      test.calls.says = says;
      expect(await (await test.queue.add(test.calls.slow)()).result({ timeout: '15s' })).toBe('attempt 3');
    }
  });

  it.each([
    ['after()', after(HOUR)],
    ['at()', at(HOUR)],
    [
      'the last call of several',
      (context: TaskContext) => [at(20), after(20), at(HOUR)].forEach((say) => say(context)),
    ],
  ])('waits for longer than the policy would: %s', async (_what, say) => {
    await using test = await start();
    test.calls.says = [say];
    const since = Date.now();
    const execution = await test.queue.add(test.calls.quick)();
    await untilRetrying(execution);
    expect(execution.when.getTime()).toBeGreaterThan(since + HOUR - 1_000);
    expect(execution.when.getTime()).toBeLessThan(Date.now() + HOUR + 1_000);
    expect(test.calls.attempts).toEqual([1]);
    expect(await test.queue.cancel(execution.key)).toBe('cancelled');
  });

  it('decides for itself alone: the next goes by the policy again', async () => {
    await using test = await start();
    test.calls.says = [after(0), nothing];
    const execution = await test.queue.add(test.calls.slow)();
    await until(async () => (await execution.refresh()).state === 'retrying' && execution.attempt === 3, 'its third');
    expect(execution.when.getTime()).toBeGreaterThan(Date.now() + HOUR - 60_000);
    expect(await test.queue.cancel(execution.key)).toBe('cancelled');
  });

  it('has no more attempts than the policy allows, and none after an error that it refuses', async () => {
    await using test = await start();
    test.calls.says = [after(0), after(0), after(0), after(0)];
    for (const [task, attempts] of [
      [test.calls.slow, [1, 2, 3]],
      [test.calls.once, [1]],
      [test.calls.picky, [1]],
    ] as const) {
      test.calls.attempts.length = 0;
      await expect((await test.queue.add(task)()).result()).rejects.toThrow('Too many requests');
      expect(test.calls.attempts).toEqual(attempts);
    }
    await expectCounts(test.queue, { failed: 3, retried: 2 });
  });

  it('says nothing that counts when it succeeds', async () => {
    await using test = await start();
    const { calls } = test;
    const { context } = calls;
    jest.spyOn(calls as unknown as { attempt(): string }, 'attempt').mockImplementation(() => {
      context.retry.after('1h');
      return 'done';
    });
    expect(await (await test.queue.add(calls.slow)()).result()).toBe('done');
  });

  it.each<[what: string, say: Say, message: string]>([
    ['no Duration', after('soon'), "context.retry.after() is 'soon'"],
    ['a negative one', after(-1), 'context.retry.after() is -1'],
    ['eleven years', after('11y'), "context.retry.after() is '11y'"],
    ['no number, as of a header that is a date', after(Number('Wed, 21 Oct 2015')), 'context.retry.after() is NaN'],
    ['no Date', ({ retry }) => retry.at(5 as unknown as Date), 'context.retry.at() is 5'],
    ['an invalid Date', ({ retry }) => retry.at(new Date(NaN)), 'context.retry.at() is Invalid Date'],
  ])('fails by what cannot be used: %s', async (_what, say, message) => {
    await using test = await start();
    test.calls.says = [say];
    await expect((await test.queue.add(test.calls.once)()).result()).rejects.toThrow(message);
  });

  it('is refused where no execution runs', async () => {
    await using test = await start();
    const { context } = test.calls;
    expect(() => context.retry).toThrow(NoActiveTaskError);
    await expect(test.scheduler.schedule(() => context.retry).result()).rejects.toThrow(usageError('NOT_DURABLE'));
  });
});
