import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresMigration } from '../../../../../lib/queue/broker/bullmq/postgres/postgres-migration.js';
import { resolveQueueOptions } from '../../../../../lib/queue/queue-options.js';

const url = process.env['TASKS_TEST_POSTGRES_URL'] ?? '';

describe('a look at the schema of PostgreSQL', () => {
  const prefix = `t_${randomBytes(5).toString('hex')}`;
  const admin = new Client({ connectionString: url });

  beforeAll(() => admin.connect());
  afterAll(async () => {
    await admin.query(`DROP SCHEMA IF EXISTS ${prefix} CASCADE`);
    await admin.end();
  });

  async function look<R>(read: (migration: PostgresMigration) => Promise<R>): Promise<R> {
    const migration = await PostgresMigration.open(resolveQueueOptions({ url, prefix, worker: false }));
    try {
      return await read(migration);
    } finally {
      await migration.close();
    }
  }

  it('names what is missing, and prints the statements that make it, without running one', async () => {
    const statements = await look((migration) => migration.statements());
    expect(statements).toContain(`CREATE SCHEMA IF NOT EXISTS "${prefix}";`);
    expect(await look((migration) => migration.missing())).toEqual([`schema ${prefix}`]);

    await admin.query(statements.join('\n'));
    expect(await look((migration) => migration.missing())).toEqual([]);
    expect(await look((migration) => migration.statements())).toEqual([]);
    // What follows on the same connection is in the schema that it was in before.
    expect((await admin.query<{ search_path: string }>('SHOW search_path')).rows[0]?.search_path).not.toContain(prefix);

    await admin.query(`DROP TABLE ${prefix}.nestjs_tasks_note`);
    await admin.query(`DELETE FROM ${prefix}.migration WHERE version = (SELECT MAX(version) FROM ${prefix}.migration)`);
    const behind = await look((migration) => migration.missing());
    expect(behind).toEqual([
      expect.stringMatching(/^tables of BullMQ in version \d+ \(they have \d+\)$/),
      'table of notes',
    ]);
    const rest = await look((migration) => migration.statements());
    expect(rest.length).toBeLessThan(statements.length);
  });

  it('refuses a connection that cannot be made, without its password', async () => {
    const options = resolveQueueOptions({ url: 'postgres://ada:s3cr3t@127.0.0.1:1/app', worker: false });
    const refusal = await PostgresMigration.open(options).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(String(refusal)).not.toContain('s3cr3t');
  });
});
