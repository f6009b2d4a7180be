import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { fromTypeOrm } from '../../../dist/outbox/index.js';
import { databases } from './fixtures/typeorm.mjs';
import { Rollback } from './fixtures.mjs';

describe('fromTypeOrm()', () => {
  for (const database of ['SQLite, with sql.js', 'SQLite, with better-sqlite3']) {
    it(`keeps statements out of transactions that begin beside them, on ${database}`, async () => {
      const { root, close } = await databases[database]();
      const outbox = fromTypeOrm(root);
      await outbox.execute('CREATE TABLE things (label TEXT)', []);
      const writing = [];
      for (let round = 0; round < 20; round += 1) {
        writing.push(outbox.execute('INSERT INTO things (label) VALUES (?)', ['kept']));
        await assert.rejects(
          root.transaction(async (manager) => {
            writing.push(outbox.execute('INSERT INTO things (label) VALUES (?)', ['kept']));
            await manager.query("INSERT INTO things (label) VALUES ('undone')");
            throw new Rollback();
          }),
          Rollback,
        );
        if (round % 3 === 0) await new Promise(setImmediate);
      }
      await Promise.all(writing);
      assert.deepEqual(await outbox.query('SELECT label, COUNT(*) AS count FROM things GROUP BY label', []), [
        { label: 'kept', count: 40 },
      ]);
      await close();
    });
  }

  for (const database of ['PostgreSQL', 'MariaDB']) {
    it(`keeps parameters out of all members of an error, on ${database}`, async () => {
      const { root, close } = await databases[database]();
      const failing = fromTypeOrm(root).execute('INSERT INTO nowhere (label) VALUES (?)', ['a secret']);
      await assert.rejects(failing, (error) => error.name === 'QueryFailedError' && !inspect(error).includes('secret'));
      await close();
    });
  }

  it('names the type of a database that it does not support, and keeps no options', () => {
    const options = { type: 'mssql', password: 'secret' };
    assert.throws(
      () => fromTypeOrm({ options, driver: {}, createQueryRunner: () => ({}) }),
      ({ message, value }) => message.includes("'mssql'") && message.includes('postgres, mysql') && value === 'mssql',
    );
  });
});
