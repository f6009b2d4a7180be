import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { inspect, promisify } from 'node:util';
import { createClient } from '@libsql/client';
import { DrizzleQueryError, sql } from 'drizzle-orm';
import { drizzle as libsql } from 'drizzle-orm/libsql';
import { drizzle as nodePostgres } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { fromDrizzle } from '../../../dist/outbox/index.js';
import { databases } from './fixtures/drizzle.mjs';
import { POSTGRES_URL, Rollback, sqliteFile } from './fixtures.mjs';

const INSERT = 'INSERT INTO things (label) VALUES (?)';
const labelsOf = async (outbox) => (await outbox.query('SELECT label FROM things', [])).map(({ label }) => label);

describe('fromDrizzle()', () => {
  it('writes within a transaction of better-sqlite3, which takes no promise', async () => {
    const { root, close } = databases['SQLite, with better-sqlite3']();
    const outbox = fromDrizzle(root);
    await outbox.execute('CREATE TABLE things (label TEXT)', []);
    const writing = [];
    const write = (label) => (transaction) => {
      writing.push(outbox.within(transaction).execute(INSERT, [label]));
      if (label === 'undone') throw new Rollback();
    };
    root.transaction(write('kept'));
    assert.throws(() => root.transaction(write('undone')), Rollback);
    assert.deepEqual(await Promise.all(writing), [1, 1]);
    assert.deepEqual(await labelsOf(outbox), ['kept']);
    close();
  });

  it('waits for the lock of libSQL, and lets later transactions commit', async () => {
    const client = createClient({ url: `file:${sqliteFile()}` });
    const db = libsql(client);
    const outbox = fromDrizzle(db);
    await outbox.execute('CREATE TABLE things (label TEXT)', []);
    let outside;
    await db.transaction(async (tx) => {
      await tx.run(sql`INSERT INTO things (label) VALUES ('first')`);
      outside = outbox.execute(INSERT, ['outside']);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    await outside;
    await db.transaction((tx) => tx.run(sql`INSERT INTO things (label) VALUES ('last')`));
    assert.deepEqual(await labelsOf(outbox), ['first', 'outside', 'last']);
    client.close();
  });

  it('refuses a transaction of another database', async () => {
    const [one, other] = [databases['PostgreSQL, with node-postgres'](), databases['PostgreSQL, with replicas']()];
    const outbox = fromDrizzle(one.root);
    await other.transaction(async (tx) => assert.equal(await outbox.within(tx), undefined));
    await Promise.all([one.close(), other.close()]);
  });

  it('passes texts as they are where postgres.js would write them by their type', async () => {
    const { root, close } = databases['PostgreSQL, with postgres.js']();
    const [row] = await fromDrizzle(root).query(
      "SELECT CAST(? AS jsonb) ->> 'a' AS document, CAST(? AS boolean) AS truth",
      ['{"a":"b"}', 'true'],
    );
    assert.deepEqual(row, { document: 'b', truth: true });
    await close();
  });

  it("leaves the class and the cause of Drizzle's error, by which applications try again", async () => {
    const pool = new Pool({ connectionString: POSTGRES_URL });
    const outbox = fromDrizzle(nodePostgres(pool));
    await assert.rejects(outbox.query('SELECT CAST(? AS text) AS a FROM nowhere', ['secret']), (error) => {
      assert.ok(error instanceof DrizzleQueryError);
      assert.deepEqual([error.code, error.cause.code], ['42P01', '42P01']);
      assert.ok(!inspect(error).includes('secret'));
      return true;
    });
    await pool.end();
  });

  it('hears with postgres.js until the end, and again after the loss of the connection', async () => {
    const { root, close } = databases['PostgreSQL, with postgres.js']();
    const outbox = fromDrizzle(root);
    const heard = [];
    const stop = await outbox.listen('outbox_of_drizzle', (payload) => heard.push(payload), assert.fail);
    const notify = (payload) => outbox.query("SELECT CAST(pg_notify('outbox_of_drizzle', ?) AS text)", [payload]);
    await notify('first');
    while (heard.length === 0) await new Promise(setImmediate);
    await outbox.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'listen "outbox_of_drizzle"%'`,
      [],
    );
    while (!heard.includes('again')) {
      await notify('again');
      await new Promise(setImmediate);
    }
    await stop();
    await close();
  });

  it('names the package that is missing, when it is used', async () => {
    const program = `
      import { fromDrizzle } from ${JSON.stringify(new URL('../../../dist/outbox/index.js', import.meta.url).href)};
      import { drizzle } from ${JSON.stringify(import.meta.resolve('drizzle-orm/libsql'))};
      const outbox = fromDrizzle(drizzle('file::memory:'));
      await outbox.query('SELECT 1', []).catch(({ code, message }) => console.log(code, message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_PATH: '' },
    });
    assert.match(stdout, /^PACKAGE_MISSING fromDrizzle\(\) needs the package drizzle-orm.* npm install drizzle-orm\. /);
  });
});
