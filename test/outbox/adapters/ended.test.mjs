import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadFixtures } from './fixtures.mjs';

const LIBRARIES = new Set(['drizzle', 'mikro-orm', 'prisma', 'typeorm']);
const INSERT = 'INSERT INTO outbox_ended (label) VALUES (?)';

for (const { name, from, databases } of (await loadFixtures()).filter((fixture) => LIBRARIES.has(fixture.name))) {
  describe(`${name}, after the end of a transaction`, () => {
    for (const [database, create] of Object.entries(databases)) {
      // postgres.js does not tell what becomes of its transactions.
      if (database.includes('postgres.js')) continue;
      it(`writes nothing on ${database}`, async () => {
        const library = await create();
        const outbox = from(library.root);
        try {
          await outbox.execute('DROP TABLE IF EXISTS outbox_ended', []);
          await outbox.execute('CREATE TABLE outbox_ended (label VARCHAR(80))', []);
          let kept;
          await library.transaction(async (transaction) => {
            kept = await outbox.within(transaction);
            await kept.execute(INSERT, ['inside']);
          });
          await assert.rejects(kept.execute(INSERT, ['late']), { code: 'OUTBOX_TRANSACTION' });
          await assert.rejects(kept.query('SELECT label FROM outbox_ended', []), { code: 'OUTBOX_TRANSACTION' });
          assert.deepEqual(await outbox.query('SELECT label FROM outbox_ended', []), [{ label: 'inside' }]);
        } finally {
          await outbox.execute('DROP TABLE IF EXISTS outbox_ended', []);
          await library.close();
        }
      });
    }
  });
}
