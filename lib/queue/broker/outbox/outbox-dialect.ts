import type { OutboxDatabase } from './outbox-database.js';

export type OutboxDialect = OutboxDatabase['dialect'];

/** What differs between the databases of an outbox. */
export interface Dialect {
  /** Milliseconds since the epoch, by the clock of the database. */
  readonly now: string;
  /** Type of `CAST(? AS …)` for whole numbers. */
  readonly integer: string;
  /** Type of the column that numbers the rows, in the order of their insertion. */
  readonly serial: string;
  readonly text: string;
  /** Size of a text column, in bytes, which is told without reading the text. */
  sizeOf(column: string): string;
  /** Follows each `CREATE TABLE (…)`. */
  readonly tableOptions: string;
  /** MySQL has no `CREATE INDEX IF NOT EXISTS`: there, indexes are parts of the table. */
  readonly hasInlineIndexes: boolean;
  /** Inserts a row, unless its primary key is taken. */
  insertNew(table: string, columns: string, values: string): string;
}

const STANDARD = { hasInlineIndexes: false, insertNew: insertUnlessTaken, tableOptions: '' } as const;

export const DIALECTS: Readonly<Record<OutboxDialect, Dialect>> = {
  postgres: {
    ...STANDARD,
    now: 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)',
    integer: 'BIGINT',
    serial: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
    text: 'TEXT',
    sizeOf: (column) => `OCTET_LENGTH(${column})`,
  },
  mysql: {
    // UNIX_TIMESTAMP(NOW(3)) is an hour off in the hour that comes twice when summer time ends.
    now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)",
    integer: 'SIGNED',
    serial: 'BIGINT AUTO_INCREMENT PRIMARY KEY',
    text: 'LONGTEXT',
    sizeOf: (column) => `LENGTH(${column})`,
    tableOptions: ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    hasInlineIndexes: true,
    insertNew: (table, columns, values) => `INSERT IGNORE INTO ${table} (${columns}) VALUES (${values})`,
  },
  sqlite: {
    ...STANDARD,
    now: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    integer: 'INTEGER',
    serial: 'INTEGER PRIMARY KEY AUTOINCREMENT',
    text: 'TEXT',
    sizeOf: (column) => `LENGTH(CAST(${column} AS BLOB))`,
  },
};

function insertUnlessTaken(table: string, columns: string, values: string): string {
  return `INSERT INTO ${table} (${columns}) VALUES (${values}) ON CONFLICT DO NOTHING`;
}
