import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createElsewhere, loadFixtures, Rollback } from './fixtures.mjs';
import { createOtherDatabases } from './other-databases.mjs';
import { startApplication } from './queue-application.mjs';

const others = await createOtherDatabases();
after(() => others.drop());

for (const fixture of await loadFixtures()) {
  describe(`the queue with ${fixture.name}`, () => {
    for (const [database, create] of Object.entries(fixture.databases)) {
      describe(database, () => testQueue(fixture.from, create));
    }
  });
}

function testQueue(from, create) {
  let library;
  let outbox;
  let application;
  let queue;
  let orders;
  let keys = 0;

  before(async () => {
    library = await create();
    outbox = from(library.root);
    await outbox.execute('DROP TABLE IF EXISTS queue_orders', []);
    await outbox.execute('CREATE TABLE queue_orders (label VARCHAR(80))', []);
    application = await startApplication(outbox);
    ({ queue, orders } = application);
  });

  beforeEach(async () => {
    orders.seen = [];
    orders.look = async () => {};
  });

  after(async () => {
    await application?.close();
    await outbox?.execute('DROP TABLE IF EXISTS queue_orders', []);
    await library?.close();
  });

  const key = () => `order:${(keys += 1)}`;
  const add = (id, transaction, options) => queue.add(orders.process, { ...options, transaction })(id);
  const rolledBack = (run) => assert.rejects(run, Rollback);
  const rows = async (label) => (await outbox.query('SELECT label FROM queue_orders WHERE label = ?', [label])).length;

  async function order(label, transaction) {
    const connection = await outbox.within(transaction);
    await connection.execute('INSERT INTO queue_orders (label) VALUES (?)', [label]);
  }

  /** Runs one more task: what had waited before it has run by its end. */
  async function expectNothingWaits() {
    let last;
    await library.transaction(async (transaction) => (last = await add('last', transaction)));
    assert.equal(await last.result({ timeout: 10_000 }), 'last');
    // In memory, it may have ended before the relay has noted that it has begun.
    while ((await queue.stats()).outbox.waiting > 0) await setTimeout(5);
    assert.deepEqual((await queue.stats()).outbox, { waiting: 0, oldestWait: undefined });
  }

  const refused = (shown) => (error) => {
    assert.deepEqual([error.code, error.task, error.argument], ['TASK_ARGUMENT', 'orders.process', 'transaction']);
    assert.ok(error.message.includes(shown), error.message);
    return true;
  };

  it('runs what has committed, beside its order', async () => {
    const label = key();
    let found;
    orders.look = async () => (found = await rows(label));
    let execution;
    await library.transaction(async (transaction) => {
      await order(label, transaction);
      execution = await add('a', transaction, { key: label });
      assert.deepEqual([execution.key, execution.disposition, orders.seen], [label, 'scheduled', []]);
    });
    assert.equal(await execution.result({ timeout: 10_000 }), 'a');
    assert.deepEqual([found, orders.seen], [1, ['a']]);
  });

  it('runs nothing that was rolled back', async () => {
    const label = key();
    await rolledBack(
      library.transaction(async (transaction) => {
        await order(label, transaction);
        await add('undone', transaction, { key: label });
        throw new Rollback();
      }),
    );
    await expectNothingWaits();
    assert.deepEqual([orders.seen, await rows(label)], [['last'], 0]);
    assert.equal(await queue.get(label), undefined);
  });

  it('runs nothing of a savepoint that was rolled back', async (test) => {
    if (library.savepoint === undefined) return test.skip();
    await library.transaction(async (transaction) => {
      await add('outer', transaction);
      await rolledBack(
        library.savepoint(transaction, async (inner) => {
          await add('undone', inner);
          throw new Rollback();
        }),
      );
      await library.savepoint(transaction, (inner) => add('inner', inner));
    });
    await expectNothingWaits();
    assert.deepEqual(orders.seen.toSorted(), ['inner', 'last', 'outer']);
  });

  it('replaces, adds again and follows in one transaction', async () => {
    const label = key();
    let all;
    await library.transaction(async (transaction) => {
      const options = { key: label, when: 0, transaction };
      const replaced = await queue.replace(orders.process, options)('replaced');
      const followed = await queue.after([replaced]).add(orders.process, { transaction })('followed');
      all = [replaced, await add('again', transaction, { key: key() }), followed];
    });
    const results = await Promise.all(all.map((execution) => execution.result({ timeout: 10_000 })));
    assert.deepEqual(results, ['replaced', 'again', 'followed']);
  });

  it('scatters an agenda of 300', async () => {
    const agenda = queue.agenda();
    for (let at = 0; at < 300; at += 1) agenda.add(orders.process)(at);
    let executions;
    await library.transaction(async (transaction) => (executions = await agenda.scatter({ over: 1, transaction })));
    await Promise.all(executions.map((execution) => execution.result({ timeout: 15_000 })));
    assert.deepEqual(new Set(orders.seen), new Set(Array.from({ length: 300 }, (_, at) => at)));
    assert.equal(orders.seen.length, 300);
  });

  it('refuses the root, and says what to pass', () =>
    assert.rejects(add('root', library.root), refused(`Allowed: ${outbox.transactions}.`)));

  it('refuses a transaction that is over', async () => {
    let kept;
    await library.transaction(async (transaction) => {
      kept = transaction;
      await order('kept', transaction);
    });
    await assert.rejects(add('late', kept), refused(`Allowed: ${outbox.transactions}.`));
  });

  for (const where of ['without an outbox', 'with an outbox of its own']) {
    it(`refuses a transaction of another database ${where}`, async () => {
      const other = await createElsewhere(create, others);
      let elsewhere;
      try {
        if (where === 'with an outbox of its own') elsewhere = await startApplication(from(other.root));
        await rolledBack(
          other.transaction(async (transaction) => {
            await assert.rejects(add('elsewhere', transaction), refused('Allowed: '));
            throw new Rollback();
          }),
        );
        await expectNothingWaits();
        assert.deepEqual(orders.seen, ['last']);
      } finally {
        await elsewhere?.close();
        await other.close();
      }
    });
  }

  it('repeats no argument in the error of an addition that fails', async () => {
    const secret = 'hunter2 - of users';
    const rename = (column, name) =>
      outbox.execute(`ALTER TABLE nestjs_tasks_outbox RENAME COLUMN ${column} TO ${name}`, []);
    await rename('body', 'text_body');
    try {
      await rolledBack(
        library.transaction(async (transaction) => {
          await add(secret, transaction, { key: key() }).then(assert.fail, (error) => {
            assert.notEqual(error.code, 'TASK_ARGUMENT');
            expectNoSecret(error, /hunter2|of users/);
          });
          throw new Rollback();
        }),
      );
    } finally {
      await rename('text_body', 'body');
    }
    await expectNothingWaits();
  });
}

/** Looks into all that an error holds, also where no logger would. */
function expectNoSecret(error, secret, seen = new Set()) {
  if (typeof error === 'string') assert.doesNotMatch(error, secret);
  if (typeof error !== 'object' || error === null || seen.has(error)) return;
  seen.add(error);
  for (const name of Object.getOwnPropertyNames(error)) expectNoSecret(error[name], secret, seen);
}
