import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace, type BrokerKind } from '../../support/brokers.js';
import {
  openOutboxDatabase,
  OUTBOXES,
  type TestDatabase,
  type TestTransaction,
} from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

@Injectable()
class Orders {
  readonly seen: string[] = [];

  @Durable('rollbacks.process')
  process(id: string): void {
    this.seen.push(id);
  }
}

const [BROKER] = BROKERS as [BrokerKind];
const withoutSqlite = OUTBOXES.filter((kind) => kind !== 'sqlite');

/** @param what is to be tested on each of the databases, of which there may be none. */
function describeEach(kinds: typeof OUTBOXES, what: string, tests: (scene: () => Promise<Scene>) => void): void {
  for (const kind of kinds) {
    describe(`${what} on ${kind}`, () => {
      const space = brokerSpace(BROKER);
      let database: TestDatabase;

      beforeAll(async () => {
        database = await openOutboxDatabase(kind);
      });
      afterAll(async () => {
        await database[Symbol.asyncDispose]();
      });

      tests(async () => {
        const test = await startQueue(space, { providers: [Orders] }, { outbox: { database: database.database } });
        const { seen, process } = test.context.get(Orders);
        const add = async (transaction: TestTransaction, id: string): Promise<void> => {
          await test.queue.add(process, { transaction: transaction.handle })(id);
        };
        const settle = async (): Promise<string[]> => {
          await using transaction = await begin(database);
          await add(transaction, 'last');
          await transaction.commit();
          await until(() => seen.includes('last'), 'the last');
          await test.queue.runUntilFinished();
          return seen.filter((id) => id !== 'last').toSorted();
        };
        const orders = async () =>
          (await database.query('SELECT id FROM orders')).map(({ id }) => String(id)).toSorted();
        return { database, add, settle, orders, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
      });
    });
  }
}

/** Begins a transaction, though connections of the pool may have died. */
function begin(database: TestDatabase): Promise<TestTransaction> {
  return until(() => database.begin().catch(() => undefined), 'a connection');
}

interface Scene extends AsyncDisposable {
  readonly database: TestDatabase;
  add(transaction: TestTransaction, id: string): Promise<void>;
  /** Returns what has run, when all has been relayed. */
  settle(): Promise<string[]>;
  orders(): Promise<string[]>;
}

describeEach(OUTBOXES, 'savepoints', (open) => {
  it('take the tasks with them that were added since, also of nested ones', async () => {
    await using scene = await open();
    await using transaction = await scene.database.begin();
    await scene.add(transaction, 'before');
    await transaction.run('SAVEPOINT outer_one');
    await scene.add(transaction, 'undone');
    await transaction.run('ROLLBACK TO SAVEPOINT outer_one');
    await scene.add(transaction, 'kept');
    await transaction.run('SAVEPOINT inner_one');
    await scene.add(transaction, 'also kept');
    await transaction.run('RELEASE SAVEPOINT inner_one');
    await transaction.run('SAVEPOINT inner_two');
    await scene.add(transaction, 'undone within');
    await transaction.run('ROLLBACK TO SAVEPOINT outer_one');
    await scene.add(transaction, 'after');
    await transaction.commit();
    expect(await scene.settle()).toEqual(['after', 'before']);
  });
});

/** Runs a transaction, and again when the database has undone it. @returns the codes of the errors. */
async function retried(scene: Scene, id: string, work: (transaction: TestTransaction) => Promise<void>) {
  const codes: unknown[] = [];
  for (;;) {
    await using transaction = await scene.database.begin('SERIALIZABLE');
    try {
      await scene.add(transaction, id);
      await work(transaction);
      await transaction.commit();
      return codes;
    } catch (error) {
      codes.push((error as { code?: unknown }).code);
      if (codes.length > 20) throw error;
    }
  }
}

/** Lets all go on as soon as so many have come. */
function meeting(size: number): () => Promise<void> {
  const all = new Gate();
  let come = 0;
  return () => {
    come += 1;
    if (come === size) all.pass();
    return all.passed;
  };
}

describeEach(
  OUTBOXES.filter((kind) => kind === 'postgres'),
  'serialization failures',
  (open) => {
    it('reach the application with their code, and leave nothing of the failed attempt', async () => {
      await using scene = await open();
      const meet = meeting(2);
      const codes = await Promise.all(
        ['s1', 's2'].map((id) =>
          retried(scene, id, async (transaction) => {
            await transaction.run('SELECT count(*) FROM orders');
            await meet();
            await transaction.run(`INSERT INTO orders (id) VALUES ('${id}')`);
          }),
        ),
      );
      expect(codes.flat().length).toBeGreaterThan(0);
      expect(new Set(codes.flat())).toEqual(new Set(['40001']));
      expect(await scene.settle()).toEqual(['s1', 's2']);
      expect(await scene.orders()).toEqual(['s1', 's2']);
    });

    it('are the errors of add() itself where it finds them', async () => {
      await using scene = await open();
      const { database } = scene;
      await using late = await database.begin('SERIALIZABLE');
      await late.run('SELECT count(*) FROM nestjs_tasks_outbox');
      await using first = await database.begin('SERIALIZABLE');
      await first.run('SELECT count(*) FROM nestjs_tasks_outbox');
      await scene.add(first, 'first');
      await first.commit();
      // It would have to be before the first and after it.
      await expect(scene.add(late, 'late').then(() => late.commit())).rejects.toMatchObject({ code: '40001' });
      expect(await scene.settle()).toEqual(['first']);
    });
  },
);

describeEach(
  OUTBOXES.filter((kind) => kind === 'mysql'),
  'deadlocks',
  (open) => {
    it('reach the application with their code, and leave nothing of the failed attempt', async () => {
      await using scene = await open();
      await scene.database.query("INSERT INTO orders (id) VALUES ('a'), ('b')");
      const meet = meeting(2);
      const codes = await Promise.all(
        [
          ['a', 'b'],
          ['b', 'a'],
        ].map(([mine, other]) =>
          retried(scene, `d${mine}`, async (transaction) => {
            await transaction.run(`SELECT id FROM orders WHERE id = '${mine}' FOR UPDATE`);
            await meet();
            await transaction.run(`SELECT id FROM orders WHERE id = '${other}' FOR UPDATE`);
          }),
        ),
      );
      expect(codes.flat().length).toBeGreaterThan(0);
      expect(new Set(codes.flat())).toEqual(new Set(['ER_LOCK_DEADLOCK']));
      expect(await scene.settle()).toEqual(['da', 'db']);
    });
  },
);

describeEach(withoutSqlite, 'a connection', (open) => {
  it('that dies in the commit leaves a task if and only if it leaves the order', async () => {
    await using scene = await open();
    const { database } = scene;
    const isPostgres = database.kind === 'postgres';
    const answers: string[] = [];
    for (const delay of [-1, 0, 0, 0, 1, 1, 2]) {
      const id = `c${answers.length}`;
      await using transaction = await begin(database);
      const [row] = await transaction.run(`SELECT ${isPostgres ? 'pg_backend_pid()' : 'connection_id()'} AS id`);
      await transaction.run(`INSERT INTO orders (id) VALUES ('${id}')`);
      await scene.add(transaction, id);
      const kill = () =>
        database.query(
          isPostgres ? `SELECT pg_terminate_backend(${Number(row?.['id'])})` : `KILL ${Number(row?.['id'])}`,
        );
      if (delay < 0) await kill();
      const committing = transaction.commit().then(
        () => 'committed',
        () => 'lost',
      );
      if (delay > 0) await sleep(delay);
      await kill().catch(() => {}); // MySQL knows no connection that has ended
      answers.push(await committing);
    }
    expect(answers[0]).toBe('lost');
    const ran = await scene.settle();
    expect(ran).toEqual(await scene.orders());
    // What was told to have committed has.
    expect(ran).toEqual(
      expect.arrayContaining(answers.flatMap((answer, at) => (answer === 'committed' ? [`c${at}`] : []))),
    );
  });
});
