import { isTableMissing, migrateOutbox, outboxSchema, OUTBOX_TABLES } from '../../queue/broker/outbox/outbox-schema.js';
import type { OpenOutboxDatabase } from '../outbox-driver.js';
import type { Migration } from './migration.js';

/** Tables of the outbox in a database of the application. */
export class OutboxMigration implements Migration {
  readonly place: string;

  constructor(
    private readonly open: OpenOutboxDatabase,
    server: string,
  ) {
    this.place = `Outbox on ${server}`;
  }

  async missing(): Promise<readonly string[]> {
    const missing: string[] = [];
    for (const table of OUTBOX_TABLES) if (!(await this.has(table))) missing.push(`table ${table}`);
    return missing;
  }

  async exists(): Promise<boolean> {
    return (await this.missing()).length < OUTBOX_TABLES.length;
  }

  async statements(): Promise<readonly string[]> {
    if ((await this.missing()).length === 0) return [];
    return outboxSchema(this.open.database.dialect).map((statement) => `${statement};`);
  }

  run(): Promise<void> {
    return this.open.attempt((database) => migrateOutbox(database));
  }

  close(): Promise<void> {
    return this.open.close();
  }

  private async has(table: string): Promise<boolean> {
    try {
      await this.open.attempt((database) => database.query(`SELECT 1 FROM ${table} WHERE 1 = 0`, []));
      return true;
    } catch (error) {
      if (isTableMissing(error)) return false;
      throw error;
    }
  }
}
