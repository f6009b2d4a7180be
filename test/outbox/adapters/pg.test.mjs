import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Pool } from 'pg';
import { fromPg } from '../../../dist/outbox/index.js';
import { POSTGRES_URL } from './fixtures.mjs';

/** A client before pg 8.17 does not tell its state. */
class OldClient extends Client {
  getTransactionStatus = undefined;
}

describe('pg', () => {
  let pool;

  before(() => {
    pool = new Pool({ connectionString: POSTGRES_URL, max: 1 });
  });
  after(() => pool.end());

  it('listens beside a pool of one connection, which the application has', async () => {
    const client = await pool.connect();
    const stop = await fromPg(pool).listen('beside', assert.fail, assert.fail);
    await stop();
    client.release();
  });

  it('rejects where nothing can listen', async () => {
    const nowhere = new Pool({ connectionString: new URL('/nestjs_tasks_of_nobody', POSTGRES_URL).href });
    await assert.rejects(fromPg(nowhere).listen('nobody', assert.fail, assert.fail));
    await nowhere.end();
  });

  it('refuses a statement after the end of its transaction', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    const connection = fromPg(pool).within(client);
    await client.query('COMMIT');
    await assert.rejects(connection.execute('SELECT 1', []), { code: 'OUTBOX_TRANSACTION' });
    client.release();
  });

  it('asks the server where an old client does not tell', async () => {
    const client = new OldClient({ connectionString: POSTGRES_URL });
    await client.connect();
    const outbox = fromPg(pool);
    assert.equal(await outbox.within(client), undefined);
    await client.query('BEGIN');
    const connection = await outbox.within(client);
    assert.deepEqual(await connection.query('SELECT CAST(? AS TEXT) AS answer', ['42']), [{ answer: '42' }]);
    await client.query('ROLLBACK');
    assert.equal(await outbox.within(client), undefined);
    await client.end();
  });
});
