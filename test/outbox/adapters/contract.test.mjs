import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Client } from 'pg';
import { loadFixtures, POSTGRES_URL, Rollback } from './fixtures.mjs';

const KEYS = {
  postgres: 'BIGSERIAL PRIMARY KEY',
  mysql: 'BIGINT AUTO_INCREMENT PRIMARY KEY',
  sqlite: 'INTEGER PRIMARY KEY',
};
const NOTHING = {
  null: null,
  undefined,
  'an object': {},
  'an empty function': () => {},
  'a text': 'BEGIN',
  'a number': 1,
};
const TEXTS = {
  quotes: `'; DROP TABLE outbox_contract; -- " \` '' \\' \\`,
  unicode: 'Grüße 你好 🧵 \u0301',
  newlines: 'a\nb\r\nc\td',
  placeholders: '$1 $2 ? ?? :name @name %s {0}',
  json: '{"a":[1,null,"?"]}',
  empty: '',
  'many characters': 'ä'.repeat(100_000),
};

for (const fixture of await loadFixtures()) {
  describe(fixture.name, () => {
    for (const [what, value] of Object.entries(fixture.wrong)) {
      it(`refuses ${what} as the database`, () => {
        assert.throws(
          () => fixture.from(value),
          ({ code, message }) => code === 'TASKS_CONFIG' && message.startsWith(`${fixture.from.name}(`),
        );
      });
    }
    for (const [database, create] of Object.entries(fixture.databases)) {
      describe(database, () => testContract(fixture.from, create));
    }
  });
}

function testContract(from, create) {
  let library;
  let outbox;

  before(async () => {
    library = await create();
    outbox = from(library.root);
    await outbox.execute('DROP TABLE IF EXISTS outbox_contract', []);
    await outbox.execute(
      `CREATE TABLE outbox_contract (row_id ${KEYS[outbox.dialect]}, label TEXT, due_at BIGINT)`.replace(
        'TEXT',
        outbox.dialect === 'mysql' ? 'LONGTEXT' : 'TEXT',
      ),
      [],
    );
  });

  beforeEach(() => outbox.execute('DELETE FROM outbox_contract', []));

  after(async () => {
    await outbox?.execute('DROP TABLE IF EXISTS outbox_contract', []);
    await library?.close();
  });

  const integer = () => (outbox.dialect === 'mysql' ? 'CAST(? AS SIGNED)' : 'CAST(? AS BIGINT)');
  const insert = (connection, label, at = '5', guard = 'yes') =>
    connection.execute(
      `INSERT INTO outbox_contract (label, due_at) SELECT ?, ${integer()} WHERE EXISTS (SELECT 1 FROM (SELECT 'yes' AS guard) allowed WHERE allowed.guard = ?)`,
      [label, at, guard],
    );
  const labels = async (connection = outbox) =>
    (await connection.query('SELECT label FROM outbox_contract ORDER BY row_id', [])).map(({ label }) => label);
  const open = async (transaction) => {
    const connection = await outbox.within(transaction);
    assert.ok(connection, 'the open transaction is refused');
    return connection;
  };
  const rolledBack = (run) => assert.rejects(run, Rollback);

  it('names its dialect and its transactions', () => {
    assert.ok(outbox.dialect in KEYS);
    assert.match(outbox.transactions, /^(the|an?) /);
  });

  it('refuses a transaction as the database', async (test) => {
    let isRoot = false;
    await library.transaction(async (transaction) => {
      isRoot = transaction === library.root;
      if (!isRoot) assert.throws(() => from(transaction), { code: 'TASKS_CONFIG' });
    });
    if (isRoot) test.skip();
  });

  describe('within()', () => {
    for (const [what, value] of Object.entries(NOTHING)) {
      it(`refuses ${what}`, async () => assert.equal(await outbox.within(value), undefined));
    }

    it('refuses the root', async () => assert.equal(await outbox.within(library.root), undefined));

    it('refuses what is foreign', async () => {
      for (const [what, value] of Object.entries(library.foreign)) {
        assert.equal(await outbox.within(value), undefined, what);
      }
    });

    it('accepts an open transaction, again and again', () =>
      library.transaction(async (transaction) => {
        await open(transaction);
        await insert(await open(transaction), 'a');
        await open(transaction);
      }));

    it('refuses a transaction that is committed', async () => {
      let kept;
      await library.transaction(async (transaction) => {
        await insert(await open(transaction), 'a');
        kept = transaction;
      });
      assert.equal(await outbox.within(kept), undefined);
    });

    it('refuses a transaction that is rolled back', async () => {
      let kept;
      await rolledBack(
        library.transaction(async (transaction) => {
          await insert(await open(transaction), 'a');
          kept = transaction;
          throw new Rollback();
        }),
      );
      assert.equal(await outbox.within(kept), undefined);
    });

    it('refuses a transaction that has failed', async (test) => {
      if (!library.seesFailure) return test.skip();
      await rolledBack(
        library.transaction(async (transaction) => {
          const connection = await open(transaction);
          // The state follows the error, and is there by the next one.
          for (let failed = 0; failed < 2; failed += 1) {
            await assert.rejects(connection.execute('DELETE FROM outbox_of_nobody', []));
          }
          assert.equal(await outbox.within(transaction), undefined);
          throw new Rollback();
        }),
      );
    });
  });

  describe('in a transaction', () => {
    it('writes at the commit, and not before', async () => {
      await library.transaction(async (transaction) => {
        const connection = await open(transaction);
        assert.equal(await insert(connection, 'a'), 1);
        assert.deepEqual(await labels(connection), ['a']);
        if (!library.isSingle) assert.deepEqual(await labels(), []);
      });
      assert.deepEqual(await labels(), ['a']);
    });

    it('writes nothing when it is rolled back', async () => {
      await rolledBack(
        library.transaction(async (transaction) => {
          await insert(await open(transaction), 'a');
          throw new Rollback();
        }),
      );
      assert.deepEqual(await labels(), []);
    });

    it('writes nothing of a savepoint that is rolled back', async (test) => {
      if (library.savepoint === undefined) return test.skip();
      await library.transaction(async (transaction) => {
        await insert(await open(transaction), 'outer');
        await rolledBack(
          library.savepoint(transaction, async (inner) => {
            await insert(await open(inner), 'undone');
            throw new Rollback();
          }),
        );
        await library.savepoint(transaction, async (inner) => insert(await open(inner), 'inner'));
        await insert(await open(transaction), 'last');
      });
      assert.deepEqual(await labels(), ['outer', 'inner', 'last']);
    });

    it('leaves the statements of the database itself out of it', async () => {
      let outside;
      await rolledBack(
        library.transaction(async (transaction) => {
          await insert(await open(transaction), 'inside');
          outside = insert(outbox, 'outside');
          if (!library.isSingle) await outside;
          throw new Rollback();
        }),
      );
      assert.equal(await outside, 1);
      assert.deepEqual(await labels(), ['outside']);
    });
  });

  for (const where of ['of the database itself', 'in a transaction']) {
    describe(`statements ${where}`, () => {
      const use = (run) => async () => {
        if (where === 'of the database itself') return run(outbox);
        return library.transaction(async (transaction) => run(await open(transaction)));
      };

      it(
        'return columns as the statement names them',
        use(async (connection) => {
          await insert(connection, 'a', '1790000000123');
          const rows = await connection.query(
            'SELECT label AS task_name, due_at, NULL AS "lastError" FROM outbox_contract',
            [],
          );
          const [{ task_name, due_at, lastError, ...others }] = rows;
          assert.deepEqual([task_name, Number(due_at), lastError, others], ['a', 1_790_000_000_123, null, {}]);
        }),
      );

      it(
        'return the number of rows that they change',
        use(async (connection) => {
          for (const label of ['a', 'b', 'c']) assert.equal(await insert(connection, label), 1);
          assert.equal(await insert(connection, 'd', null, 'no'), 0);
          assert.equal(await connection.execute('UPDATE outbox_contract SET due_at = 6 WHERE label <> ?', ['c']), 2);
          assert.equal(await connection.execute('UPDATE outbox_contract SET due_at = 7 WHERE label = ?', ['none']), 0);
          assert.equal(await connection.execute('DELETE FROM outbox_contract WHERE label IN (?, ?)', ['a', 'b']), 2);
        }),
      );

      it(
        'return no rows where there are none',
        use(async (connection) => {
          await insert(connection, 'a');
          assert.deepEqual(await connection.query('SELECT label FROM outbox_contract WHERE label = ?', ['b']), []);
          assert.deepEqual(await connection.query('DELETE FROM outbox_contract WHERE label = ?', ['a']), []);
        }),
      );

      it('fail with a reason that repeats no parameter', async () => {
        const reason = await use((connection) =>
          connection.execute('INSERT INTO outbox_of_nobody (label) SELECT ?', ['a secret - of users']),
        )().then(assert.fail, (error) => {
          const { message, stack, sql } = error.cause ?? error;
          return `${message}\n${stack}\n${sql}`;
        });
        assert.match(reason, /outbox_of_nobody/);
        assert.doesNotMatch(reason, /secret|users/);
      });

      for (const [what, text] of Object.entries(TEXTS)) {
        it(
          `keep a text: ${what}`,
          use(async (connection) => {
            await insert(connection, text);
            assert.deepEqual(await labels(connection), [text]);
          }),
        );
      }

      it(
        'bind null, and numbers as text',
        use(async (connection) => {
          await insert(connection, null, null);
          await insert(connection, 'most', String(Number.MAX_SAFE_INTEGER));
          await insert(connection, 'less than nothing', '-1');
          const rows = await connection.query(
            `SELECT label, due_at FROM outbox_contract WHERE due_at IS NULL OR due_at <> ${integer()} ORDER BY row_id`,
            ['7'],
          );
          assert.deepEqual(
            rows.map(({ label, due_at }) => [label, due_at === null ? null : Number(due_at)]),
            [
              [null, null],
              ['most', Number.MAX_SAFE_INTEGER],
              ['less than nothing', -1],
            ],
          );
        }),
      );
    });
  }

  describe('notifications of PostgreSQL', () => {
    const channel = 'Outbox "of" contract';
    const notifying = `WITH written AS (INSERT INTO outbox_contract (label) SELECT ? RETURNING row_id) SELECT row_id, CAST(pg_notify('${channel}', label) AS TEXT) FROM written, (SELECT CAST(? AS TEXT) AS label) AS payload`;
    const isElsewhere = () => outbox.dialect !== 'postgres' || outbox.listen === undefined;

    it('go out with a row', async (test) => {
      if (outbox.dialect !== 'postgres') return test.skip();
      const rows = await outbox.query(notifying, ['a', 'b']);
      assert.equal(rows.length, 1);
      assert.ok(Number(rows[0].row_id) > 0);
    });

    it('are heard after the commit, and not before, until the end', async (test) => {
      if (isElsewhere()) return test.skip();
      const ears = new EventEmitter();
      const heard = [];
      const stop = await outbox.listen(
        channel,
        (payload) => {
          heard.push(payload);
          ears.emit('heard');
        },
        (error) => heard.push(error),
      );
      const first = once(ears, 'heard');
      await library.transaction(async (transaction) => {
        await (await open(transaction)).query(notifying, ['a', 'of the transaction']);
        // Whatever the server had sent for it would be here before this one.
        await outbox.query(notifying, ['b', 'of the database']);
        await first;
        assert.deepEqual(heard, ['of the database']);
      });
      while (heard.length < 2) await once(ears, 'heard');
      assert.deepEqual(heard, ['of the database', 'of the transaction']);
      await stop();
      await outbox.query(notifying, ['c', 'late']);
      assert.deepEqual(heard, ['of the database', 'of the transaction']);
    });

    it('end with the connection, which is told once', async (test) => {
      if (isElsewhere() || library.listensAgain) return test.skip();
      const losses = [];
      const loss = new Promise((resolve) => {
        void outbox
          .listen(channel, assert.fail, (error) => {
            losses.push(error);
            resolve();
          })
          .then((stop) => (ending = stop));
      });
      let ending;
      const admin = new Client({ connectionString: POSTGRES_URL });
      await admin.connect();
      try {
        for (let killed = 0; killed === 0;) {
          const { rowCount } = await admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %of%' AND state = 'idle'`,
          );
          killed = rowCount;
        }
        await loss;
        await ending();
        assert.equal(losses.length, 1);
        assert.ok(losses[0] instanceof Error);
      } finally {
        await admin.end();
      }
    });
  });
}
