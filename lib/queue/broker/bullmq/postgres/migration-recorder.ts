import type { QueryResult } from 'pg';

/** Connection that migrations run on. */
export interface MigrationClient {
  query(text: string, values?: readonly unknown[]): Promise<QueryResult>;
}

/** Reads of the server's settings, which a migration needs. */
const SETTINGS = /current_setting/;
/** Reads of BullMQ's table of versions, which may not be there. */
const VERSION = /MAX\(version\)/i;
const READS = /^\s*SELECT\b(?!\s+pg_advisory)/i;

/** Connection that writes down what a migration would run, and runs none of it. */
export class MigrationRecorder implements MigrationClient {
  readonly statements: string[] = [];

  constructor(
    private readonly client: MigrationClient,
    /** Version of BullMQ's tables now, or 0. */
    private readonly version: number,
  ) {}

  remark(text: string): void {
    this.statements.push(`-- ${text}.`);
  }

  write(statement: string): void {
    this.statements.push(`${statement.trim().replace(/;$/, '')};`);
  }

  async query(text: string, values: readonly unknown[] = []): Promise<QueryResult> {
    if (SETTINGS.test(text) && READS.test(text)) return this.client.query(text, values);
    const isRead = READS.test(text);
    if (!isRead) this.write(withValues(text, values));
    const rows = isRead && VERSION.test(text) ? [{ version: this.version }] : [];
    return { rows, rowCount: rows.length, command: '', oid: 0, fields: [] };
  }
}

/** Puts the values into a statement: numbers as they are, and texts in quotes. */
function withValues(text: string, values: readonly unknown[]): string {
  if (values.length === 0) return text;
  return text.replace(/\$(\d+)/g, (parameter, number: string) => {
    const value = values[Number(number) - 1];
    if (value === undefined) return parameter;
    return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
  });
}
