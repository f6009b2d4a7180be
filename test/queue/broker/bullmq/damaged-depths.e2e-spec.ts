import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SHARED_BROKERS, brokerSpace } from '../../../support/brokers.js';
import { openRawStore } from '../../raw-store.js';
import { keyed } from '../conformance/suite.js';

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
});
