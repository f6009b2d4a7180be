import { describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError } from '../../../../lib/queue/broker/queue-errors.js';
import type { ClaimedRow } from '../../../../lib/queue/broker/outbox/relay-table.js';
import type { Execution } from '../../../../lib/queue/client/execution.js';
import type { Addition, ExecutionWriter } from '../../../../lib/queue/client/execution-writer.js';
import { RelayBatch, RelayLeaseLost } from '../../../../lib/queue/worker/relay/relay-batch.js';

function row(id: string, key = id): ClaimedRow {
  const execution = { id, key, name: 'orders.process', args: '[]', priority: 0, when: undefined, addedAt: 0 };
  return { seq: id, id, keyHash: key, size: 1, attempts: 0, entry: { operation: 'add', execution } };
}

const add = jest.fn((additions: readonly Addition[]) =>
  Promise.resolve(additions.map(() => ({ disposition: 'scheduled' }) as Execution)),
);

function batch(keepLease: () => Promise<void>): RelayBatch {
  add.mockClear();
  return new RelayBatch({ add } as unknown as ExecutionWriter, {} as never, {} as never, () => 0, keepLease);
}

describe('RelayBatch', () => {
  it('adds rows of different keys together, and those of one key one after the other', async () => {
    await batch(() => Promise.resolve()).relay([row('1', 'a'), row('2', 'b'), row('3', 'a')]);
    const ids = add.mock.calls.map(([additions]) => additions.map(({ execution }) => execution.id));
    expect(ids).toEqual([['1', '2'], ['3']]);
  });

  it('keeps the lease before each addition, and adds nothing after its end', async () => {
    let left = 1;
    const keepLease = jest.fn(() => {
      left -= 1;
      return left < 0 ? Promise.reject(new RelayLeaseLost()) : Promise.resolve();
    });
    const relayed = batch(keepLease).relay([row('1', 'a'), row('2', 'a'), row('3', 'a')]);
    await expect(relayed).rejects.toThrow(RelayLeaseLost);
    expect(add).toHaveBeenCalledTimes(1);
    expect(keepLease).toHaveBeenCalledTimes(2);
  });

  it('rejects with an outage of the broker, and blames no row for it', async () => {
    add.mockRejectedValueOnce(new BrokerUnavailableError('Redis', 'no answer'));
    const one = new RelayBatch(
      { add } as unknown as ExecutionWriter,
      {} as never,
      {} as never,
      () => 0,
      () => Promise.resolve(),
    );
    await expect(one.relay([row('1'), row('2')])).rejects.toThrow(BrokerUnavailableError);
  });
});
