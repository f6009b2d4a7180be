import { EXIT, UsageError, type ExitCode } from '../exit-code.js';
import { openOutboxDatabase } from '../outbox-driver.js';
import { serverName } from '../server-name.js';
import { URL_OPTION, type Session } from '../session.js';
import { shownText } from '../shown-text.js';
import type { Migration } from './migration.js';
import { OutboxMigration } from './outbox-migration.js';
import { QueueMigration } from './queue-migration.js';

interface MigrateOptions {
  readonly status?: boolean;
  readonly sql?: boolean;
  readonly outbox: boolean;
  readonly outboxUrl?: string;
  readonly yes?: boolean;
}

export async function migrate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const migrations: Migration[] = [];
  try {
    for await (const migration of migrationsOf(session, options)) migrations.push(migration);
    if (options.sql === true) return await writeStatements(session, migrations);
    return options.status === true
      ? await writeStatus(session, migrations)
      : await runAll(session, migrations, options);
  } finally {
    for (const migration of migrations) await migration.close();
  }
}

async function* migrationsOf(session: Session, { outbox, outboxUrl }: MigrateOptions): AsyncGenerator<Migration> {
  if (!outbox && outboxUrl !== undefined) throw new UsageError('--outbox-url and --no-outbox exclude each other.');
  const queue = await session.options({ migrate: true });
  if (queue.backend === 'postgres') yield await QueueMigration.open(queue, session.server?.name ?? '');
  else session.terminal.note(`${session.server?.name} needs no migration.`);
  const url = outboxUrl ?? (queue.backend === 'postgres' && outbox ? session.url : undefined);
  if (url === undefined) return;
  session.server = { name: serverName(url), option: outboxUrl === undefined ? URL_OPTION : '--outbox-url' };
  yield new OutboxMigration(await openOutboxDatabase(url), session.server.name);
}

async function writeStatus(session: Session, migrations: readonly Migration[]): Promise<ExitCode> {
  const parts = [];
  for (const migration of migrations) parts.push({ place: migration.place, missing: await migration.missing() });
  const isBehind = parts.some(({ missing }) => missing.length > 0);
  if (session.isJson) session.terminal.json({ isBehind, parts });
  else {
    for (const { place, missing } of parts) {
      const state = missing.length === 0 ? 'up to date' : `missing: ${missing.join(', ')}`;
      session.terminal.line(shownText(`${place}: ${state}`));
    }
  }
  return isBehind ? EXIT.refused : EXIT.done;
}

async function writeStatements(session: Session, migrations: readonly Migration[]): Promise<ExitCode> {
  const parts = [];
  for (const migration of migrations) parts.push({ place: migration.place, statements: await migration.statements() });
  if (session.isJson) session.terminal.json({ parts });
  else {
    for (const { place, statements } of parts) {
      if (statements.length === 0) session.terminal.note(`${place}: up to date`);
      else session.terminal.line(`-- ${place}.\n${statements.join('\n')}\n`);
    }
  }
  return EXIT.done;
}

async function runAll(session: Session, migrations: readonly Migration[], { yes }: MigrateOptions): Promise<ExitCode> {
  const done = [];
  for (const migration of migrations) {
    const missing = await migration.missing();
    const isAsked = missing.length > 0 && (await migration.exists());
    const question = `Change ${migration.place}, which may hold data (${missing.join(', ')})?`;
    if (isAsked && !(await session.isConfirmed(question, { ...(yes !== undefined && { yes }) }))) return EXIT.refused;
    if (missing.length > 0) await migration.run();
    done.push({ place: migration.place, made: missing });
    if (session.isJson) continue;
    const what = missing.length === 0 ? 'up to date' : `made ${missing.join(', ')}`;
    session.terminal.line(shownText(`${migration.place}: ${what}`));
  }
  if (session.isJson) session.terminal.json({ parts: done });
  return EXIT.done;
}
