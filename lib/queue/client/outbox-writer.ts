import { Inject, Injectable } from '@nestjs/common';
import { TasksConfigError } from '../../task/task-errors.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { createExecutionId } from '../broker/execution-id.js';
import { OUTBOX, type Outbox } from '../broker/outbox/outbox.js';
import { isTableMissing } from '../broker/outbox/outbox-schema.js';
import type { OutboxConnection } from '../broker/outbox/outbox-database.js';
import { keyOf, type OutboxEntry } from '../broker/outbox/outbox-row.js';
import { newRecord } from '../broker/new-record.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import { REASONS } from '../broker/reasons.js';
import type { NewExecution } from '../broker/record.js';
import { currentTransaction } from './current-transaction.js';
import type { Execution } from './execution.js';
import { ExecutionHandles } from './execution-handles.js';
import { ExecutionSender } from './execution-sender.js';

/** Writes executions into the outbox, in a transaction of the application. */
@Injectable()
export class OutboxWriter {
  constructor(
    @Inject(OUTBOX) private readonly outbox: Outbox | undefined,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly executions: ExecutionHandles,
    private readonly sender: ExecutionSender,
  ) {}

  /**
   * Writes all in one step. Runs the statement in the same turn of the event loop where the library allows it: a transaction
   * of a synchronous one is over after that.
   *
   * @param transaction as the application has passed it.
   * @throws {TasksConfigError} where there is no outbox.
   * @throws {TaskArgumentError} when it is no open transaction of the outbox's database.
   * @throws the database's own error.
   */
  async write(
    operation: OutboxEntry['operation'],
    executions: readonly (NewExecution & { readonly addedAt: number })[],
    transaction: unknown,
  ): Promise<Execution[]> {
    const { outbox } = this;
    const task = executions[0]?.name;
    if (outbox === undefined) throw noOutbox();
    if (task === undefined) return [];
    const now = this.clock.now();
    const written = executions.map((execution) => ({ ...execution, id: createExecutionId(now) }));
    const found = outbox.database.within(transaction === 'current' ? currentTransaction(task) : transaction);
    const connection = found instanceof Promise ? await found : found;
    if (connection === undefined) {
      throw new TaskArgumentError(task, 'transaction', transaction, outbox.database.transactions);
    }
    const sent = await this.sender.write(written, async (traced) => {
      const entries = traced.map((execution) => ({ operation, execution }));
      await insert(outbox, connection, entries, task);
    });
    outbox.written$.next();
    return written.map((execution, at) => {
      const { extras = execution.extras } = sent[at] ?? {};
      const record = newRecord(execution.id, keyOf(execution), { ...execution, ...(extras && { extras }) }, now);
      return this.executions.of({ ...record, reason: REASONS.uncommitted(), isUncommitted: true }, 'scheduled');
    });
  }
}

async function insert(
  outbox: Outbox,
  connection: OutboxConnection,
  entries: readonly OutboxEntry[],
  task: string,
): Promise<void> {
  const identity = outbox.identity ?? (await outbox.open());
  try {
    if (await outbox.table.insert(connection, identity, entries)) return;
  } catch (error) {
    if (isTableMissing(error)) throw otherDatabase(task);
    throw error;
  }
  throw otherDatabase(task);
}

function otherDatabase(task: string): TaskArgumentError {
  const allowed = 'an open transaction of the database that queue.outbox names';
  return new TaskArgumentError(task, 'transaction', undefined, allowed, 'of another database');
}

function noOutbox(): TasksConfigError {
  const allowed = 'an object such as { database: fromTypeOrm(dataSource) }, for the option transaction';
  return new TasksConfigError('queue.outbox', undefined, allowed);
}
