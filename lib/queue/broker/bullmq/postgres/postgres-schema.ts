import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { LastReply } from '../patience.js';
import { MigrationRecorder, type MigrationClient } from './migration-recorder.js';
import { pooled } from './postgres-errors.js';
import { searchPath } from './postgres-pools.js';

/** Lock that lets one migration at a time into a schema: the others look again and again, and find it done. */
const LOCK_KEY = 0x7a5c7;
const LOCK_INTERVAL = 50;
/** Longest time of a statement of a migration, in milliseconds. A large table may need its time. */
const MIGRATION_TIME = 3_600_000;

/** Tables and functions of ours that lie in BullMQ's schema. */
export interface SchemaPart {
  /** Name of the part, such as `table of notes`. */
  readonly title: string;
  /** Looks without changing anything, so that it needs no right to. */
  isMigrated(client: MigrationClient): Promise<boolean>;
  migrate(client: MigrationClient): Promise<void>;
  /** @throws where something is missing. */
  check(client: MigrationClient): Promise<void>;
}

/** Looks at a schema, and sets it up or migrates it where that is needed and allowed. */
export class PostgresSchema {
  constructor(
    /** Connected, with the schema for its search path. */
    private readonly client: Client,
    private readonly options: ResolvedQueueOptions,
    private readonly bullmq: typeof import('bullmq'),
    private readonly parts: readonly SchemaPart[],
  ) {}

  /** @throws an error of the driver, or of BullMQ. */
  async prepare(lastReply: LastReply): Promise<void> {
    await this.checkSession();
    const { prefix, migrate } = this.options;
    if (!migrate) {
      await this.bullmq.assertSchemaCompatibility(this.client as never, prefix);
      for (const part of this.parts) await part.check(this.client);
      return;
    }
    if (await this.isMigrated()) return;
    await this.lock(lastReply);
    if (!(await this.isMigrated())) await this.migrate();
  }

  /** Returns what is missing, in words. Changes nothing. */
  async missing(): Promise<string[]> {
    const version = await this.version();
    const latest = this.bullmq.LATEST_SCHEMA_VERSION;
    if (version === 0) return [`schema ${this.options.prefix}`];
    const missing: string[] = [];
    if (version < latest) missing.push(`tables of BullMQ in version ${latest} (they have ${version})`);
    for (const part of this.parts) if (!(await part.isMigrated(this.client))) missing.push(part.title);
    return missing;
  }

  /** Returns the statements that a migration would run now. Changes nothing. */
  async statements(): Promise<string[]> {
    const version = await this.version();
    const recorder = new MigrationRecorder(this.client, version);
    if (version < this.bullmq.LATEST_SCHEMA_VERSION) {
      recorder.remark('Tables and functions of BullMQ, as its runMigrations() makes them');
      await this.bullmq.runMigrations(recorder as never, this.options.prefix);
    }
    recorder.remark('Tables and functions of nestjs-tasks, in the same schema');
    recorder.write(`SET search_path TO ${searchPath(this.options.prefix)}`);
    const before = recorder.statements.length;
    for (const part of this.parts) {
      if (version === 0 || !(await part.isMigrated(this.client))) await part.migrate(recorder);
    }
    if (recorder.statements.length === before) return [];
    recorder.write('RESET search_path');
    return recorder.statements;
  }

  /** Refuses a pooler that drops the settings: the tables would be made elsewhere. */
  private async checkSession(): Promise<void> {
    const { rows } = await this.client.query<{ path: string; isolation: string }>(
      `SELECT current_setting('search_path') AS path, current_setting('default_transaction_isolation') AS isolation`,
    );
    const { path, isolation } = rows[0] ?? {};
    if (path !== searchPath(this.options.prefix)) throw pooled(this.options, `search_path is ${path}`);
    if (isolation !== 'read committed') {
      throw pooled(this.options, `default_transaction_isolation is ${isolation}`);
    }
  }

  private async isMigrated(): Promise<boolean> {
    if ((await this.version()) < this.bullmq.LATEST_SCHEMA_VERSION) return false;
    for (const part of this.parts) if (!(await part.isMigrated(this.client))) return false;
    return true;
  }

  /** Returns the version of BullMQ's part, or 0. */
  private async version(): Promise<number> {
    try {
      return await this.bullmq.assertSchemaCompatibility(this.client as never, this.options.prefix);
    } catch (error) {
      if (error instanceof this.bullmq.SchemaMigrationRequiredError) return 0;
      throw error;
    }
  }

  private async migrate(): Promise<void> {
    const client: MigrationClient = {
      query: (text, values) =>
        this.client.query({ text, query_timeout: MIGRATION_TIME, ...(values && { values: [...values] }) } as never),
    };
    if ((await this.version()) < this.bullmq.LATEST_SCHEMA_VERSION) {
      await this.bullmq.runMigrations((await this.withSchema(client)) as never, this.options.prefix);
    }
    for (const part of this.parts) if (!(await part.isMigrated(this.client))) await part.migrate(client);
  }

  /** `CREATE SCHEMA IF NOT EXISTS` needs a right on the database, even where the schema is there. */
  private async withSchema(client: MigrationClient): Promise<MigrationClient> {
    const { rowCount } = await this.client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [
      this.options.prefix,
    ]);
    if (rowCount !== 1) return client;
    return {
      query: (text, values) => client.query(text.startsWith('CREATE SCHEMA') ? 'SELECT 1' : text, values),
    };
  }

  /** Takes the lock until the end of the session. A wait in the server would look like an outage. */
  private async lock(lastReply: LastReply): Promise<void> {
    for (;;) {
      const { rows } = await this.client.query<{ locked: boolean }>(
        'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
        [LOCK_KEY, this.options.prefix],
      );
      lastReply.note();
      if (rows[0]?.locked === true) return;
      await sleep(LOCK_INTERVAL);
    }
  }
}
