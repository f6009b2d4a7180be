import { randomUUID } from 'node:crypto';
import { TasksConfigError } from '../../../task/task-errors.js';
import { DIALECTS, type OutboxDialect } from './outbox-dialect.js';
import type { OutboxDatabase } from './outbox-database.js';

export const OUTBOX_TABLE = 'nestjs_tasks_outbox';
/** Leases of the fleets' relays. */
export const RELAYS_TABLE = 'nestjs_tasks_relays';
/**
 * One row that tells the database from any other. In a table of its own, which is never written again: transactions of the
 * application read it, and a serializable one would fail where a relay changes what it has read.
 */
export const IDENTITY_TABLE = 'nestjs_tasks_identity';

export const OUTBOX_TABLES = [OUTBOX_TABLE, RELAYS_TABLE, IDENTITY_TABLE] as const;

const INDEXES = [
  ['nestjs_tasks_outbox_state', 'fleet, state, seq'],
  ['nestjs_tasks_outbox_key', 'fleet, key_hash'],
] as const;

/**
 * Returns the statements that make the tables of the outbox, each once and for all: they change nothing where the tables are.
 *
 * @example
 * ```ts
 * for (const statement of outboxSchema('mysql')) console.log(`${statement};`);
 * ```
 * @publicApi
 */
export function outboxSchema(dialect: OutboxDialect): readonly string[] {
  const { serial, text, tableOptions, hasInlineIndexes } = DIALECTS[dialect];
  const inline = hasInlineIndexes ? INDEXES.map(([name, columns]) => `,\n  KEY ${name} (${columns})`).join('') : '';
  return [
    `CREATE TABLE IF NOT EXISTS ${OUTBOX_TABLE} (
  seq ${serial},
  id VARCHAR(64) NOT NULL UNIQUE,
  fleet VARCHAR(160) NOT NULL,
  key_hash CHAR(43) NOT NULL,
  body ${text} NOT NULL,
  written_at BIGINT NOT NULL,
  state SMALLINT NOT NULL DEFAULT 0,
  due BIGINT NOT NULL DEFAULT 0,
  lease VARCHAR(80) NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  note ${text}${inline}
)${tableOptions}`,
    ...(hasInlineIndexes
      ? []
      : INDEXES.map(([name, columns]) => `CREATE INDEX IF NOT EXISTS ${name} ON ${OUTBOX_TABLE} (${columns})`)),
    `CREATE TABLE IF NOT EXISTS ${RELAYS_TABLE} (
  fleet VARCHAR(160) NOT NULL PRIMARY KEY,
  holder VARCHAR(80) NOT NULL,
  lease_until BIGINT NOT NULL
)${tableOptions}`,
    `CREATE TABLE IF NOT EXISTS ${IDENTITY_TABLE} (
  place SMALLINT NOT NULL PRIMARY KEY,
  name VARCHAR(36) NOT NULL
)${tableOptions}`,
  ];
}

const TABLES = `(?:${OUTBOX_TABLE}|${RELAYS_TABLE}|${IDENTITY_TABLE})`;
/** Messages of SQLite, MySQL and PostgreSQL, which says of a missing column that it is one "of relation". */
const TABLE_MISSING = new RegExp(
  `no such table: .*${TABLES}|${TABLES}[\\W]* doesn't exist|(?<!of )relation \\W*${TABLES}\\W* does not exist`,
);

/** Tells the error of a database that lacks a table of the outbox; of any library, which may have wrapped it. */
export function isTableMissing(error: unknown): boolean {
  const { message = '', cause } = (error ?? {}) as { message?: unknown; cause?: unknown };
  if (TABLE_MISSING.test(String(message))) return true;
  return cause !== undefined && cause !== error && isTableMissing(cause);
}

/** Makes the tables, that of the identity last. Other processes may do the same at the same time. */
export async function migrateOutbox(database: OutboxDatabase): Promise<void> {
  for (const statement of outboxSchema(database.dialect)) {
    try {
      await database.execute(statement, []);
    } catch {
      // PostgreSQL's IF NOT EXISTS fails where another session makes the same at the moment: then it is there now.
      await database.execute(statement, []);
    }
  }
}

/**
 * Returns what tells this database from any other: a name that the first process gives it. Makes the row of the fleet, too.
 *
 * @throws the database's error where the tables are missing.
 * @throws {TasksConfigError} where nothing that it changes would be committed.
 */
export async function openOutbox(database: OutboxDatabase, fleet: string): Promise<string> {
  if (database.dialect === 'mysql') await requireAutocommit(database);
  const { insertNew, integer } = DIALECTS[database.dialect];
  await database.execute(insertNew(IDENTITY_TABLE, 'place, name', '1, ?'), [randomUUID()]);
  const lease = insertNew(RELAYS_TABLE, 'fleet, holder, lease_until', `?, '', CAST('0' AS ${integer})`);
  await database.execute(lease, [fleet]);
  const [found] = await database.query(`SELECT name FROM ${IDENTITY_TABLE} WHERE place = 1`, []);
  return String(found?.['name']);
}

/** Statements of the relay would never be committed, and hold the application's rows locked. */
async function requireAutocommit(database: OutboxDatabase): Promise<void> {
  const [row] = await database.query('SELECT @@autocommit AS autocommit', []);
  if (Number(row?.['autocommit']) !== 0) return;
  const allowed = 'a pool whose connections have autocommit = 1; set it to 0 within a transaction of your own only';
  throw new TasksConfigError(
    'queue.outbox.database',
    undefined,
    allowed,
    'a pool whose connections have autocommit = 0',
  );
}
