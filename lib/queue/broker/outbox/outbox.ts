import { Subject } from 'rxjs';
import { messageOf } from '../../../task/error-text.js';
import { TasksConfigError } from '../../../task/task-errors.js';
import { BrokerUnavailableError } from '../queue-errors.js';
import type { OutboxConnection, OutboxDatabase, OutboxRow, OutboxValue } from './outbox-database.js';
import { isTableMissing, migrateOutbox, openOutbox } from './outbox-schema.js';
import { OutboxTable } from './outbox-table.js';
import { RelayTable } from './relay-table.js';
import { retryConflicts } from './statement-conflict.js';

export const OUTBOX = Symbol('OUTBOX');

const LABEL = 'The database of the outbox';

/** Outbox of a fleet: rows that the application writes in its own transactions, until a relay has given them to the broker. */
export class Outbox {
  /** Name that tells the database from any other; nothing before the first use. */
  identity: string | undefined;
  readonly table: OutboxTable;
  readonly relay: RelayTable;
  /** Emits when this process has written rows, whose transaction is still open. */
  readonly written$ = new Subject<void>();
  private opening: Promise<string> | undefined;

  constructor(
    readonly database: OutboxDatabase,
    readonly fleet: string,
    private readonly migrate: boolean,
  ) {
    const root = new Root(database, () => this.open());
    this.table = new OutboxTable(root, database.dialect, fleet);
    this.relay = new RelayTable(root, database.dialect, fleet);
  }

  /**
   * Makes sure that the tables are there. After a failure, the next call tries again.
   *
   * @throws {BrokerUnavailableError} when the database cannot be reached, or lacks the tables and must not get them.
   */
  async open(): Promise<string> {
    if (this.identity !== undefined) return this.identity;
    this.opening ??= this.prepare().finally(() => (this.opening = undefined));
    return (this.identity = await this.opening);
  }

  private async prepare(): Promise<string> {
    const { database, fleet } = this;
    try {
      // Where the tables are, nothing is made: statements that make them wait for writers, and need more rights.
      return await openOutbox(database, fleet).catch(async (error: unknown) => {
        if (!isTableMissing(error)) throw error;
        if (!this.migrate) throw tablesMissing(database.dialect);
        await migrateOutbox(database);
        return openOutbox(database, fleet);
      });
    } catch (error) {
      throw error instanceof TasksConfigError ? error : unavailable(error);
    }
  }
}

/** Connection outside of transactions: opens the outbox first, and tells its errors apart from those of a user's statement. */
class Root implements OutboxConnection {
  constructor(
    private readonly database: OutboxDatabase,
    private readonly open: () => Promise<unknown>,
  ) {}

  async query(statement: string, parameters: readonly OutboxValue[]): Promise<readonly OutboxRow[]> {
    await this.open();
    return retryConflicts(() => this.database.query(statement, parameters)).catch(refuse);
  }

  async execute(statement: string, parameters: readonly OutboxValue[]): Promise<number> {
    await this.open();
    return retryConflicts(() => this.database.execute(statement, parameters)).catch(refuse);
  }
}

function tablesMissing(dialect: string): TasksConfigError {
  const allowed = `true, or run the statements of outboxSchema('${dialect}') from nestjs-tasks/outbox`;
  return new TasksConfigError('queue.migrate', false, allowed, 'false, and the tables of the outbox are missing');
}

function refuse(error: unknown): never {
  throw unavailable(error);
}

function unavailable(error: unknown): BrokerUnavailableError {
  if (error instanceof BrokerUnavailableError) return error;
  // Some libraries wrap the driver's error into one that repeats the statement and its parameters.
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error;
  return new BrokerUnavailableError(LABEL, messageOf(cause), { cause });
}
