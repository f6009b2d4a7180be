import { describe, expect, it } from '@jest/globals';
import { retryConflicts } from '../../../lib/queue/broker/outbox/statement-conflict.js';

const error = (message: string, more: object = {}) => Object.assign(new Error(message), more);

/** Fails with each error in turn, and then succeeds. */
function failing(...errors: unknown[]): () => Promise<string> {
  return () => (errors.length === 0 ? Promise.resolve('done') : Promise.reject(errors.shift() as Error));
}

describe('retryConflicts()', () => {
  it.each([
    ['a serialization failure of PostgreSQL', error('could not serialize access', { code: '40001' })],
    ['a deadlock of PostgreSQL', error('Verklemmung entdeckt', { code: '40P01' })],
    ['a deadlock of MySQL', error('Deadlock found when trying to get lock; try restarting transaction')],
    ['a conflict that a library has wrapped', error('Failed query', { cause: error('x', { code: '40001' }) })],
  ])('runs a statement again after %s', async (_what, conflict) => {
    await expect(retryConflicts(failing(conflict, conflict))).resolves.toBe('done');
  });

  it('passes on any other error at once', async () => {
    const refused = error('permission denied', { code: '42501' });
    await expect(retryConflicts(failing(refused))).rejects.toBe(refused);
  });

  it('gives up after ten runs', async () => {
    const conflicts = Array.from({ length: 11 }, (_, at) => error(`deadlock ${at}`));
    await expect(retryConflicts(failing(...conflicts))).rejects.toThrow('deadlock 9');
  });
});
