import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Broker, Claim } from '../../../lib/queue/broker/broker.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import type { ExecutionRecord } from '../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../lib/queue/broker/settlement.js';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const SCHEDULE = { text: 'every 7200000', by: 'w-2' };
const FORMER = { text: 'every 3600000', by: 'w-1' };
/** The key of a test's execution, and of its task. */
const KEY = 'k';

const RESCHEDULED: Settlement = { type: 'reschedule', at: Date.now() + HOUR, args: '["next"]', schedule: FORMER };

describe.each(BROKERS)('retime() on $label', (kind) => {
  const space = brokerSpace(kind);
  let fleet: string;

  beforeEach(() => {
    fleet = space.newQueue();
  });

  const add = async (broker: Broker, when?: number): Promise<ExecutionRecord> => {
    const extras = { isAutomatic: true, schedule: FORMER };
    await broker.executions.add([{ key: KEY, name: KEY, args: '["first"]', priority: 0, when, extras }]);
    return known(broker);
  };
  const known = async (broker: Broker): Promise<ExecutionRecord> =>
    (await broker.executions.get(KEY)) as ExecutionRecord;
  const claimed = async (broker: Broker): Promise<Claim> =>
    (await until(() => broker.runs.claim(), 'a claim')) as Claim;

  it('moves what was added to another time, as the same execution', async () => {
    await using broker = space.open(fleet);
    const record = await add(broker, Date.now() + HOUR);
    const when = Date.now() + 2 * HOUR;
    expect(await broker.executions.retime(record, when, SCHEDULE)).toBe(true);
    expect(await known(broker)).toEqual({
      ...record,
      when,
      since: when,
      extras: { isAutomatic: true, schedule: SCHEDULE },
    });
    const { records, counts } = await broker.executions.list(10);
    expect([records.map((listed) => listed.when), counts.scheduled]).toEqual([[when], 1]);
    expect((await broker.executions.find(record.id, KEY))?.when).toBe(when);
    expect(await broker.runs.claim()).toBeUndefined();
  });

  it('keeps arguments, error and counts of what was re-scheduled', async () => {
    await using broker = space.open(fleet);
    await add(broker);
    const claim = await claimed(broker);
    await broker.runs.settle(claim, { ...RESCHEDULED, error: { name: 'Error', message: 'bad' } } as Settlement, false);
    const record = await known(broker);
    expect(record).toMatchObject({ run: 2, starts: 1, args: '["next"]', extras: { schedule: FORMER } });
    const when = Date.now() + 2 * HOUR;
    expect(await broker.executions.retime(record, when, SCHEDULE)).toBe(true);
    expect(await known(broker)).toEqual({
      ...record,
      when,
      since: when,
      extras: { isAutomatic: true, schedule: SCHEDULE },
    });
  });

  it('keeps the schedule where it is given none, and the time at which a retry was due at first', async () => {
    await using broker = space.open(fleet);
    await add(broker);
    const claim = await claimed(broker);
    const error = { name: 'Error', message: 'bad' };
    await broker.runs.settle(claim, { type: 'retry', at: Date.now() + HOUR, error }, false);
    const record = await known(broker);
    expect(record).toMatchObject({ state: 'retrying', attempt: 2 });
    const when = Date.now() + 2 * HOUR;
    expect(await broker.executions.retime(record, when)).toBe(true);
    expect(await known(broker)).toEqual({ ...record, when, since: claim.record.since });
    expect(await broker.executions.retime(record, when)).toBe(false);
    const early = claim.record.since - 1;
    expect(await broker.executions.retime(await known(broker), early)).toBe(true);
    const { record: started } = await claimed(broker);
    expect(started).toMatchObject({ attempt: 2, when: early, since: early, extras: { schedule: FORMER } });
  });

  it('lets a time that has come be run at once, by a worker that waits for work', async () => {
    await using broker = space.open(fleet);
    const record = await add(broker, Date.now() + HOUR);
    expect(await broker.runs.claim()).toBeUndefined(); // from now on it knows when to look again
    const when = Date.now() - 5;
    const work = broker.runs.waitForWork(new AbortController().signal);
    expect(await broker.executions.retime(record, when, SCHEDULE)).toBe(true);
    await work;
    const claim = await claimed(broker);
    expect(claim.record).toMatchObject({ id: record.id, run: 1, when, since: when, args: '["first"]' });
    await broker.runs.settle(claim, { type: 'complete', result: '[null]' }, false);
    expect(await broker.executions.size()).toBe(0);
  });

  it('is done by one of many who ask at once', async () => {
    await using broker = space.open(fleet);
    const record = await add(broker, Date.now() + HOUR);
    const times = [2, 3, 4, 5].map((hours) => record.when + hours * HOUR);
    const answers = await Promise.all(times.map((when) => broker.executions.retime(record, when, SCHEDULE)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect((await known(broker)).when).toBe(times[answers.indexOf(true)]);
    expect(await broker.executions.size()).toBe(1);
  });

  it.each<[string, (broker: Broker, claim: Claim) => unknown]>([
    ['runs', () => {}],
    ['was re-scheduled since', (broker, claim) => broker.runs.settle(claim, RESCHEDULED, false)],
    [
      'waits for its next attempt',
      (broker, claim) =>
        broker.runs.settle(
          claim,
          { type: 'retry', at: Date.now() + HOUR, error: { name: 'Error', message: '' } },
          false,
        ),
    ],
    ['is parked', (broker, claim) => broker.runs.settle(claim, { type: 'park', reason: 'limit' }, false)],
    ['has ended', (broker, claim) => broker.runs.settle(claim, { type: 'complete', result: '[null]' }, false)],
    [
      'has made room for another',
      async (broker, claim) => {
        await broker.runs.settle(claim, { type: 'complete', result: '[null]' }, false);
        await add(broker, Date.now() + HOUR);
      },
    ],
  ])('changes nothing when the execution %s', async (_what, happens) => {
    await using broker = space.open(fleet);
    const record = await add(broker, Date.now() + 300);
    await happens(broker, await claimed(broker));
    const now = await known(broker);
    expect(await broker.executions.retime(record, Date.now() + 5 * HOUR, SCHEDULE)).toBe(false);
    expect(await known(broker)).toEqual(now);
  });

  it('keeps the schedule through retries and what puts an execution off', async () => {
    await using broker = space.open(fleet);
    const { id } = await add(broker);
    const error = { name: 'Error', message: 'bad' };
    const settlements: Settlement[] = [
      { type: 'reschedule', at: 0, args: '[]', schedule: { ...SCHEDULE, isOverridden: true } },
      { type: 'retry', at: 0, error },
      { type: 'release', at: 0, reason: 'shutdown' },
      { type: 'park', reason: 'limit' },
    ];
    for (const settlement of settlements) await broker.runs.settle(await claimed(broker), settlement, false);
    expect(await broker.runs.wake(KEY)).toBe(true);
    const { record } = await claimed(broker);
    expect([record.id, record.extras]).toEqual([
      id,
      { isAutomatic: true, schedule: { ...SCHEDULE, isOverridden: true } },
    ]);
  });
});
