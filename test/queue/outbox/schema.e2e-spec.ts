import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { Outbox } from '../../../lib/queue/broker/outbox/outbox.js';
import type { OutboxDatabase } from '../../../lib/queue/broker/outbox/outbox-database.js';
import { outboxSchema } from '../../../lib/outbox/index.js';
import { openOutboxDatabase, OUTBOXES, type TestDatabase } from '../../support/outbox-databases.js';

/** Notes the statements that run outside of transactions. */
function noting(database: OutboxDatabase, statements: string[]): OutboxDatabase {
  return {
    ...database,
    query: (statement, parameters) => {
      statements.push(statement);
      return database.query(statement, parameters);
    },
    execute: (statement, parameters) => {
      statements.push(statement);
      return database.execute(statement, parameters);
    },
  };
}

describe.each(OUTBOXES)('The tables of an outbox: %s', (kind) => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await openOutboxDatabase(kind);
  });
  afterAll(async () => {
    await test[Symbol.asyncDispose]();
  });

  it('are missed by name where the library must not make them', async () => {
    const opened = new Outbox(test.database, 'a', false).open();
    await expect(opened).rejects.toThrow(TasksConfigError);
    await expect(opened).rejects.toThrow(`run the statements of outboxSchema('${test.database.dialect}')`);
  });

  it('are made once by many processes that boot at the same time, which agree on the identity', async () => {
    const outboxes = Array.from({ length: 6 }, (_, at) => new Outbox(test.database, `fleet-${at}`, true));
    const identities = await Promise.all(outboxes.map((outbox) => outbox.open()));
    expect(new Set(identities).size).toBe(1);
    expect(identities[0]).toMatch(/^[\da-f-]{36}$/);
  });

  it('are left alone by later processes, which need no right to make any', async () => {
    const statements: string[] = [];
    await new Outbox(noting(test.database, statements), 'b', true).open();
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter((statement) => statement.includes('CREATE'))).toEqual([]);
  });

  it('are made by the printed statements, and again without effect', async () => {
    await using other = await openOutboxDatabase(kind);
    for (const statement of [...outboxSchema(kind), ...outboxSchema(kind)]) await other.query(statement);
    expect(await new Outbox(other.database, 'c', false).open()).toMatch(/^[\da-f-]{36}$/);
  });
});
