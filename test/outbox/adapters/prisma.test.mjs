import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromPrisma } from '../../../dist/outbox/index.js';
import { databases } from './fixtures/prisma.mjs';

const SCOPES = Symbol.for('prisma.client.transaction.scope_context');

/** Transaction as of an earlier Prisma, which does not tell whether it is open. */
const silent = (transaction) =>
  new Proxy(transaction, { get: (target, key) => (key === SCOPES ? undefined : Reflect.get(target, key)) });

describe('fromPrisma()', () => {
  it('asks the database where Prisma does not tell an open transaction', async () => {
    const { root, close } = await databases.PostgreSQL();
    const outbox = fromPrisma(root);
    let kept;
    await root.$transaction(async (transaction) => {
      kept = silent(transaction);
      const connection = await outbox.within(kept);
      assert.deepEqual(await connection.query('SELECT CAST(? AS text) AS label', ['a']), [{ label: 'a' }]);
    });
    assert.equal(await outbox.within(kept), undefined);
    await close();
  });
});
