import { describe, expect, it } from '@jest/globals';
import { outsideTransaction } from '../../lib/outbox/outside-transaction.js';

describe('outsideTransaction()', () => {
  it('runs the statement at once where no transaction is open', () => {
    let isRun = false;
    void outsideTransaction(
      () => false,
      () => (isRun = true),
    );
    expect(isRun).toBe(true);
  });

  it('waits for the end of the transaction', async () => {
    let looks = 0;
    const result = await outsideTransaction(
      () => (looks += 1) < 20,
      () => looks,
    );
    expect(result).toBe(20);
  });

  it('rejects by name when the transaction stays open', async () => {
    const waiting = outsideTransaction(
      () => true,
      () => 'never',
      5,
    );
    await expect(waiting).rejects.toMatchObject({
      name: 'OutboxTransactionError',
      code: 'OUTBOX_TRANSACTION',
      message: expect.stringContaining('waited 5 ms for the end of a transaction'),
    });
  });
});
