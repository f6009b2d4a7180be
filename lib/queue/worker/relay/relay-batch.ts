import { messageOf } from '../../../task/error-text.js';
import { BrokerUnavailableError } from '../../broker/queue-errors.js';
import { endedStatus, keyOf, type OutboxNote, type WrittenExecution } from '../../broker/outbox/outbox-row.js';
import type { ClaimedRow } from '../../broker/outbox/relay-table.js';
import type { Execution } from '../../client/execution.js';
import type { Addition, ExecutionWriter } from '../../client/execution-writer.js';
import { addFollowUp } from '../../client/follow-up-queue.js';
import type { FollowUpStore } from '../../client/follow-up-store.js';
import type { OutboxLog } from '../../log/outbox-log.js';
import { decodeArgs } from '../../declaration/payload.js';

/** Lease of a relay that has ended: another one may have its rows. */
export class RelayLeaseLost extends Error {}

/** Row that could not be relayed. */
export interface RelayFailure {
  readonly row: ClaimedRow;
  readonly error: string;
}

/** What became of a batch. Rows that stand nowhere are executions of the broker now. */
export interface RelayedBatch {
  /** Rows that did not become executions of their own, by what their handles are told. */
  readonly settled: ReadonlyMap<string, readonly ClaimedRow[]>;
  readonly failures: readonly RelayFailure[];
  /** Later rows of the keys of those. */
  readonly skipped: readonly ClaimedRow[];
}

/** Gives the rows of a batch to the broker: those of one key one after the other, and others together. */
export class RelayBatch {
  private readonly settled = new Map<string, ClaimedRow[]>();
  private readonly failures: RelayFailure[] = [];
  private readonly skipped: ClaimedRow[] = [];
  private readonly failedKeys = new Set<string>();
  /** Additions that go to the broker together. */
  private together: ClaimedRow[] = [];
  private keys = new Set<string>();

  /** @param keepLease renews the lease in time; rejects when another relay may have the rows by now. */
  constructor(
    private readonly adder: ExecutionWriter,
    private readonly followUps: FollowUpStore,
    private readonly log: OutboxLog,
    private readonly now: () => number,
    private readonly keepLease: () => Promise<void>,
  ) {}

  /**
   * Relays rows. To do so again adds none twice.
   *
   * @throws {BrokerUnavailableError} or {@link RelayLeaseLost} when nothing is known of the rows.
   */
  async relay(rows: readonly ClaimedRow[]): Promise<RelayedBatch> {
    for (const row of rows) {
      const isAlone = row.entry?.operation === 'replace' || row.entry?.execution.extras?.after !== undefined;
      if (isAlone || this.keys.has(row.keyHash)) await this.addTogether();
      if (this.failedKeys.has(row.keyHash)) this.skipped.push(row);
      else if (row.entry === undefined) this.fail(row, 'it is unreadable: another program or version wrote it');
      else if (isAlone) await this.addAlone(row);
      else {
        this.together.push(row);
        this.keys.add(row.keyHash);
      }
    }
    await this.addTogether();
    const { settled, failures, skipped } = this;
    return { settled, failures, skipped };
  }

  private async addTogether(): Promise<void> {
    const rows = this.together;
    this.together = [];
    this.keys = new Set();
    if (rows.length === 0) return;
    try {
      await this.keepLease();
      const executions = await this.adder.add(rows.map(additionOf));
      for (const [at, row] of rows.entries()) this.note(row, executions[at] as Execution);
    } catch (error) {
      if (isOfAll(error) || rows.length === 1) return this.failAll(rows, error);
      // One of them cannot be added.
      for (const row of rows) await this.addAlone(row);
    }
  }

  private async addAlone(row: ClaimedRow): Promise<void> {
    try {
      await this.keepLease();
      this.note(row, await this.send(row));
    } catch (error) {
      this.failAll([row], error);
    }
  }

  private async send(row: ClaimedRow): Promise<Execution> {
    const addition = additionOf(row);
    const { execution } = addition;
    if (row.entry?.operation === 'replace') return this.adder.replace(addition, keyOf(execution));
    const { after } = execution.extras ?? {};
    if (after !== undefined) return addFollowUp(this.adder, this.followUps, addition, keyOf(execution), after);
    const [added] = await this.adder.add([addition]);
    return added as Execution;
  }

  private note(row: ClaimedRow, { id, disposition, state, reason }: Execution): void {
    if (disposition === 'already-scheduled') {
      this.log.alreadyScheduled(row, id);
      return this.settle(row, { holder: id });
    }
    if (disposition !== 'struck' || state !== 'dropped') return;
    const { execution } = row.entry as { execution: WrittenExecution };
    this.settle(row, { ended: endedStatus(execution, 'dropped', reason, this.now(), 'struck') });
  }

  private settle(row: ClaimedRow, note: OutboxNote): void {
    const text = JSON.stringify(note);
    const alike = this.settled.get(text);
    if (alike === undefined) this.settled.set(text, [row]);
    else alike.push(row);
  }

  private failAll(rows: readonly ClaimedRow[], error: unknown): void {
    if (isOfAll(error)) throw error;
    for (const row of rows) this.fail(row, messageOf(error));
  }

  private fail(row: ClaimedRow, error: string): void {
    this.failures.push({ row, error });
    this.failedKeys.add(row.keyHash);
  }
}

/** Tells an error of the whole batch from one of a row. */
function isOfAll(error: unknown): boolean {
  return error instanceof BrokerUnavailableError || error instanceof RelayLeaseLost;
}

/** @returns an addition whose arguments a strike may look at; where they cannot be read, the run will say so. */
function additionOf({ entry }: ClaimedRow): Addition & { readonly execution: WrittenExecution } {
  const { execution } = entry as { execution: WrittenExecution };
  try {
    return { execution, args: decodeArgs(execution.args) };
  } catch {
    return { execution, args: [] };
  }
}
