import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, beforeEach, describe, it } from 'node:test';
import Libsql from 'libsql';
import { fromSqlite } from '../../../dist/outbox/index.js';

const INSERT = ['INSERT INTO tasks (label) SELECT ?', ['a']];

describe('SQLite', () => {
  let db;
  let outbox;

  beforeEach(() => {
    db?.close();
    db = new Libsql(':memory:');
    db.exec('CREATE TABLE tasks (label TEXT)');
    outbox = fromSqlite(db);
  });
  after(() => db.close());

  const count = () => db.prepare('SELECT COUNT(*) AS count FROM tasks').get().count;

  it('writes within a transaction without any await', async () => {
    // better-sqlite3 refuses a transaction that returns a promise.
    const writing = [];
    db.transaction(() => {
      const connection = outbox.within(db);
      writing.push(connection.execute(...INSERT), connection.query(`${INSERT[0]} RETURNING label`, INSERT[1]));
    })();
    assert.equal(count(), 2);
    assert.deepEqual(await Promise.all(writing), [1, [{ label: 'a' }]]);
  });

  it('writes nothing when that transaction throws', () => {
    const failing = db.transaction(() => {
      void outbox.within(db).execute(...INSERT);
      throw new Error('out of stock');
    });
    assert.throws(failing, /out of stock/);
    assert.equal(count(), 0);
  });

  it('refuses another database during a transaction', () => {
    const other = new Libsql(':memory:');
    db.exec('BEGIN');
    assert.equal(outbox.within(other), undefined);
    assert.notEqual(outbox.within(db), undefined);
    other.close();
  });

  it('refuses a statement after the end of its transaction', async () => {
    const connection = db.transaction(() => outbox.within(db))();
    await assert.rejects(connection.execute(...INSERT), { code: 'OUTBOX_TRANSACTION' });
    await assert.rejects(connection.query(...INSERT), { code: 'OUTBOX_TRANSACTION' });
    assert.equal(count(), 0);
  });

  it('reports a database that is closed', async () => {
    class OldDatabase extends DatabaseSync {
      get isTransaction() {
        return undefined;
      }
    }
    const closed = new OldDatabase(':memory:');
    closed.close();
    await assert.rejects(fromSqlite(closed).execute(...INSERT), /not open/);
  });
});
