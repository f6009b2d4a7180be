import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Settlement } from '../../../../lib/queue/broker/settlement.js';
import { SHARED_BROKERS, brokerSpace } from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import { openRawStore } from '../../raw-store.js';
import { HOUR, keyed, SETTLEMENTS } from '../conformance/suite.js';

jest.setTimeout(60_000);

const NONE = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestDue: undefined };

describe.each(SHARED_BROKERS)('damaged records in depths: $label', (kind) => {
  const space = brokerSpace(kind);
  let queue: string;
  beforeEach(() => {
    queue = space.newQueue();
  });

  it.each([
    ['failedReason', '{damaged'],
    ['failedReason', '{"when":"soon"}'],
    ['failedReason', '{"when":{}}'],
    ['failedReason', '[]'],
  ])('hide nothing else: %s is %s', async (field, value) => {
    await using broker = space.open(queue);
    await broker.executions.add([keyed('bad'), keyed('good'), keyed('other', null, { name: 'other' })]);
    await using raw = await openRawStore(kind, space.prefix, queue);
    await raw.set(await raw.idOf('bad'), field, value);
    const depths = await broker.executions.depths();
    expect(depths.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { ...NONE, name: 'other', waiting: 1, oldestDue: expect.any(Number) },
      { ...NONE, name: 'task', waiting: 2, oldestDue: expect.any(Number) },
    ]);
  });

  it('leave the states of the rest as they are', async () => {
    await using broker = space.open(queue);
    const settle = async (key: string, settlement: Settlement): Promise<void> => {
      await broker.executions.add([keyed(key, null, { name: key })]);
      await broker.runs.settle(await until(() => broker.runs.claim(), key), settlement, false);
    };
    await settle('parked', SETTLEMENTS.park());
    await settle('retrying', SETTLEMENTS.retry());
    const when = Date.now() + 300; // or a busy machine adds it when it is due
    await broker.executions.add([
      keyed('bad'),
      keyed('due', null, { name: 'due', when }),
      keyed('scheduled', null, { name: 'scheduled', when: Date.now() + HOUR }),
    ]);
    await using raw = await openRawStore(kind, space.prefix, queue);
    await raw.set(await raw.idOf('bad'), 'failedReason', '{damaged');
    await setTimeout(when + 5 - Date.now());
    const listed = await broker.executions.depths();
    const depths = Object.fromEntries(listed.map(({ name, ...rest }) => [name, rest]));
    expect(depths).toEqual({
      parked: { ...NONE, parked: 1 },
      retrying: { ...NONE, retrying: 1 },
      task: { ...NONE, waiting: 1, oldestDue: expect.any(Number) },
      due: { ...NONE, waiting: 1, oldestDue: expect.any(Number) },
      scheduled: { ...NONE, scheduled: 1 },
    });
    expect(Math.abs((depths['due']?.oldestDue ?? 0) - when)).toBeLessThanOrEqual(1);
  });
});
