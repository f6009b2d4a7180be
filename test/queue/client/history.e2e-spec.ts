import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Durable,
  type Execution,
  Perpetual,
  TaskArgumentError,
  TaskContext,
  TasksConfigError,
  type EndState,
  type HistoryQuery,
  type TaskQueue,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(120_000);

@Injectable()
class Partner {
  isDown = true;
  readonly sent: number[] = [];

  constructor(private readonly context: TaskContext) {}

  @Durable('partner.send', { retry: { attempts: 2, delay: 1 } })
  send(order: number): void {
    if (this.isDown) throw new Error(`no answer for order ${order}`);
    this.sent.push(order);
  }

  @Durable('partner.slow')
  async slow(): Promise<void> {
    await setTimeout(300);
    if (this.isDown) throw new Error('bad');
  }

  @Durable('partner.gather')
  gather(): string[] {
    if (this.isDown) throw new Error('bad');
    return this.context.outcomes.map(({ status }) => status);
  }

  /** A result of a type that JSON has none for. */
  @Durable('partner.order')
  order(number: number): Map<number, Date> {
    return new Map([[number, new Date(number)]]);
  }

  readonly lists: unknown[][] = [];

  @Durable('partner.list')
  list(): unknown[] {
    const list = this.context.outcomes.map((outcome) => {
      if (outcome.status !== 'succeeded') return (outcome.error as Error).message;
      const { value } = outcome;
      return value instanceof Map ? Array.from(value, ([key, at]) => `${key} ${at.constructor.name}`).join() : value;
    });
    this.lists.push(list);
    if (this.isDown) throw new Error('bad');
    return list;
  }

  @Durable('partner.brief', { retention: { completed: '1d', failed: 0 } })
  brief(order: number): void {
    if (this.isDown) throw new Error('bad');
    this.sent.push(order);
  }

  @Perpetual({ every: '1h' })
  @Durable('partner.poll')
  poll(): void {
    if (this.sent.length > 1_000_000) this.context.perpetual.cancel();
  }
}

const PROVIDERS = { providers: [Partner] };

async function failAll(queue: TaskQueue, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, at) => at);
  const handles = await Promise.all(
    numbers.map((at) => queue.add<[number], unknown>('partner.send' as never, { key: `order:${at}` })(at)),
  );
  await Promise.all(handles.map((handle) => handle.result().catch(() => {})));
}

function resultOf(execution: Execution): Promise<unknown> {
  return execution.result({ timeout: '20s' }).catch(({ message }: Error) => message);
}

describe.each(BROKERS)('what has ended: $label', (kind) => {
  const space = brokerSpace(kind);

  it('is found, grouped, retried one by one and all together, and forgotten', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    const partner = test.context.get(Partner);
    await failAll(queue, 25);

    const page = await queue.history({ state: 'failed', task: partner.send, limit: 20, since: '1h' });
    expect(page.executions).toHaveLength(20);
    const rest = await queue.history({ state: 'failed', task: partner.send, limit: 20, cursor: page.cursor });
    expect(rest.executions).toHaveLength(5);
    expect(rest.cursor).toBeUndefined();
    const [newest] = page.executions;
    expect(newest).toMatchObject({ state: 'failed', name: 'partner.send', attempt: 2 });
    expect(newest?.error?.message).toContain('no answer for order');
    expect(newest?.endedAt).toBeInstanceOf(Date);
    expect(newest?.startedAt?.getTime()).toBeLessThanOrEqual(newest?.endedAt?.getTime() ?? 0);
    expect(newest?.trail.map(({ type }) => type)).toEqual(['retried', 'failed']);

    expect(await queue.failures({ since: '1h' })).toEqual([
      {
        task: 'partner.send',
        error: { name: 'Error', message: 'no answer for order …' },
        count: 25,
        first: expect.any(Date),
        last: expect.any(Date),
        example: newest?.key,
      },
    ]);

    partner.isDown = false;
    expect(await queue.retry('order:7')).toBe('retried');
    const one = await queue.get('order:7');
    await one?.result();
    expect(partner.sent).toEqual([7]);
    expect(await queue.retry('nobody')).toBe('not-found');
    expect(await queue.forget('order:3')).toBe(true);

    const bulk = await queue.retryAll({ state: 'failed', task: 'partner.send' });
    expect(await bulk.result()).toEqual({ matched: 23, done: 23, skipped: 0 });
    expect((await bulk.refresh()).progress).toMatchObject({ current: 23, total: 23 });
    await until(() => partner.sent.length === 24, 'all to be sent');
    expect(new Set(partner.sent).size).toBe(24);
    expect(await queue.failures()).toEqual([]);
    expect(queue.counts).toMatchObject({ retriedByHand: 1, forgotten: 1 });

    const wipe = await queue.forgetAll({ state: 'completed', keyPrefix: 'order:' });
    expect(await wipe.result()).toEqual({ matched: 24, done: 24, skipped: 0 });
    expect((await queue.history({ keyPrefix: 'order:' })).executions).toEqual([]);
  });

  it('is found, and retried, by the group of its failure alone', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    await failAll(queue, 5);
    const other = await queue.add('partner.slow', { key: 'other' })();
    await other.result().catch(() => {});
    const groups = await queue.failures();
    expect(groups.map(({ count, error }) => [count, error.message])).toEqual([
      [5, 'no answer for order …'],
      [1, 'bad'],
    ]);
    const [first] = groups;
    const wanted = { kind: first?.error };
    expect((await queue.history(wanted)).executions).toHaveLength(5);
    expect((await queue.history({ kind: 'Error: no answer for order …' })).executions).toHaveLength(5);
    expect((await queue.history({ kind: 'Error: no answer' })).executions).toEqual([]);
    test.context.get(Partner).isDown = false;
    const bulk = await queue.retryAll(wanted);
    expect(await bulk.result()).toEqual({ matched: 5, done: 5, skipped: 0 });
    expect((await queue.failures()).map(({ count, example }) => [count, example])).toEqual([[1, 'other']]);
  });

  it('is left alone by retryAll() where its key is taken, or where it fails again', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    await failAll(queue, 5);
    const taken = await queue.add('partner.send', { key: 'order:2', when: '1h' })(99);
    const bulk = await queue.retryAll({ error: 'no answer' }, { perSecond: 1_000 });
    expect(await bulk.result()).toEqual({ matched: 5, done: 4, skipped: 1 });
    await until(async () => (await queue.history({ state: 'failed' })).executions.length === 5, 'all to fail again');
    expect((await queue.get('order:2'))?.id).toBe(taken.id);
  });

  it('is retried without the bulk work itself, which would never end', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    const partner = test.context.get(Partner);
    partner.isDown = false;
    await failAll(queue, 1);
    const first = await queue.retryAll({ state: 'completed' });
    expect(await first.result()).toMatchObject({ matched: 1 });
    await until(() => partner.sent.length === 2, 'the retried one');
    await until(async () => (await queue.snapshot()).total === 0, 'its end');
    const wipe = await queue.forgetAll({ keyPrefix: 'nobody' });
    await wipe.result();
    const second = await queue.retryAll({ state: 'completed' });
    expect(await second.result()).toEqual({ matched: 1, done: 1, skipped: 0 });
    expect([(await first.refresh()).trail.length, (await wipe.refresh()).trail.length]).toEqual([1, 1]);
    // Everything that has ended can be forgotten.
    const all = await queue.forgetAll({ task: 'tasks.retryAll' });
    expect(await all.result()).toMatchObject({ matched: 2 });
  });

  it('waits again for what is retried as well', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    const partner = test.context.get(Partner);
    const first = await queue.add(partner.slow, { key: 'first' })();
    const next = await queue.after([first]).add(partner.gather, { key: 'next' })();
    await next.result().catch(() => {});
    partner.isDown = false;
    expect(await queue.retry('first')).toBe('retried');
    expect(await queue.retry('next')).toBe('retried');
    expect(await next.result({ timeout: '20s' })).toEqual(['succeeded']);
  });

  it('follows what has been forgotten since by the outcomes that it has kept', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue, broker } = test;
    const partner = test.context.get(Partner);
    const isOver = async (): Promise<boolean> => (await broker.maps.read('fan-ins'))?.entries.size === 0;
    const gone = await queue.add(partner.order, { key: 'gone' })(7);
    const down = await queue.add(partner.slow, { key: 'down' })();
    const next = await queue.after([gone, down]).add(partner.list, { key: 'next' })();
    await next.result().catch(() => {});
    expect(await queue.forget(gone)).toBe(true);
    expect(await queue.retry(next)).toBe('retried');
    expect(await resultOf(next)).toEqual('bad');
    await until(() => partner.lists.length === 2, 'its second run');
    expect(partner.lists[1]).toEqual(partner.lists[0]);
    expect(partner.lists[0]).toEqual(['7 Date', 'bad']);
    await until(isOver, 'its entry to be erased');
    // One that has run again tells what it has come to since, also when the fan-in waits for it.
    partner.isDown = false;
    expect(await queue.retry(down)).toBe('retried');
    expect(await queue.retry(next)).toBe('retried');
    expect(await resultOf(next)).toEqual(['7 Date', undefined]);
    await until(isOver, 'its entry to be erased');
    expect(await queue.forget(down)).toBe(true);
    expect(await queue.retry(next)).toBe('retried');
    expect(await resultOf(next)).toEqual(['7 Date', undefined]);
  });

  it('takes the outcomes along that it has kept, when it is forgotten', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue, broker } = test;
    const partner = test.context.get(Partner);
    const handles = [];
    for (const key of ['one', 'two']) {
      const part = await queue.add(partner.order, { key: `part:${key}` })(7);
      const next = await queue.after([part]).add(partner.list, { key: `next:${key}` })();
      await next.result().catch(() => {});
      await until(async () => (await broker.maps.kept(next.id)).size === 1, 'its outcomes to be kept');
      handles.push(next);
    }
    const [one, two] = handles.map(({ id }) => id);
    expect(await queue.forget('next:one')).toBe(true);
    const bulk = await queue.forgetAll({ keyPrefix: 'next:' });
    expect(await bulk.result()).toMatchObject({ done: 1 });
    expect((await broker.maps.kept(one!)).size).toBe(0);
    expect((await broker.maps.kept(two!)).size).toBe(0);
  });

  it('never makes a perpetual chain run twice', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    const first = await queue.add('partner.poll', { key: 'poll', when: '1h' })();
    await queue.cancel('poll');
    await queue.add('partner.poll', { key: 'poll', when: '1h' })();
    const bulk = await queue.retryAll({ task: 'partner.poll' });
    const outcome = await bulk.result();
    expect(outcome).toMatchObject({ matched: 1, done: 0, skipped: 1 });
    expect(await queue.retry(first)).toBe('already-scheduled');
  });

  it('can be retried at a pace, and that can be cancelled', async () => {
    await using test = await startQueue(space, PROVIDERS);
    const { queue } = test;
    await failAll(queue, 6);
    const bulk = await queue.retryAll({ state: 'failed' }, { perSecond: 0.5 });
    await until(async () => (await bulk.refresh()).progress.current >= 1, 'the first one');
    await bulk.cancel();
    await until(async () => (await bulk.refresh()).state === 'cancelled', 'the end of it');
    expect(bulk.progress.current).toBeLessThan(6);
  });

  it('is kept for the time of its own task', async () => {
    await using test = await startQueue(space, PROVIDERS, { retention: 0 });
    const { queue } = test;
    const partner = test.context.get(Partner);
    await (await queue.add(partner.brief, { key: 'failed' })(1)).result().catch(() => {});
    partner.isDown = false;
    await (await queue.add(partner.brief, { key: 'completed' })(2)).result();
    await (await queue.add(partner.send, { key: 'plain' })(3)).result();
    expect(await queue.get('failed')).toBeUndefined();
    expect(await queue.get('plain')).toBeUndefined();
    expect(await queue.get('completed')).toMatchObject({ state: 'completed' });
    const { executions } = await queue.history();
    expect(executions.map(({ key }) => key)).toEqual(['completed']);
    expect(await queue.failures()).toEqual([]);
  });
});

describe('bad queries', () => {
  const [memory] = BROKERS;
  const space = brokerSpace(memory as (typeof BROKERS)[number]);
  const queries: [what: string, query: HistoryQuery | object, named: string][] = [
    ['an unknown option', { status: 'failed' }, 'status'],
    ['an unknown state', { state: 'running' as EndState }, 'state'],
    ['no state', { state: [] }, 'state'],
    ['an empty task', { task: '' }, 'task'],
    ['an empty prefix', { keyPrefix: '' }, 'keyPrefix'],
    ['an error that is no text', { error: /a/ }, 'error'],
    ['a kind of error that is none', { kind: { name: 'Error' } }, 'kind'],
    ['a time that is none', { since: 'tomorrow' }, 'since'],
    ['a broken Date', { until: new Date(NaN) }, 'until'],
    ['a limit of 0', { limit: 0 }, 'limit'],
    ['a limit that is too great', { limit: 5_000 }, 'limit'],
    ['another cursor', { cursor: 'abc' }, 'cursor'],
  ];

  it.each(queries)('are refused: %s', async (_what, query, named) => {
    await using test = await startQueue(space, PROVIDERS);
    const refusal = await test.queue.history(query).catch((error: unknown) => error);
    expect(String(refusal)).toContain(named);
    if (named !== 'task') expect(refusal).toBeInstanceOf(TaskArgumentError);
  });

  it('are refused where they would take everything', async () => {
    await using test = await startQueue(space, PROVIDERS);
    await expect(test.queue.retryAll({})).rejects.toThrow('at least one condition');
    await expect(test.queue.forgetAll({})).rejects.toThrow(TaskArgumentError);
    await expect(test.queue.retryAll({ state: 'failed' }, { perSecond: 0 })).rejects.toThrow('perSecond');
    await expect(test.queue.retry(5 as never)).rejects.toThrow('retry()');
  });

  it.each([{ completed: '11y' }, { failed: -1 }, { ended: '1d' }, '11y'])(
    'are refused: a retention of %j',
    async (retention) => {
      await expect(startQueue(space, PROVIDERS, { retention: retention as never })).rejects.toThrow(TasksConfigError);
    },
  );

  it('take a retention of years', async () => {
    await using test = await startQueue(space, PROVIDERS, { retention: '10y' });
    expect(test.queue.counts.added).toBe(0);
  });
});
