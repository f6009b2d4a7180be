import { Inject, Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { BROKER, type Broker } from '../../broker/broker.js';
import { CLOCK, type Clock } from '../../broker/clock.js';
import { OUTBOX, type Outbox } from '../../broker/outbox/outbox.js';
import { SETTLED_FOR } from '../../broker/outbox/outboxed-executions.js';
import { OUTBOX_CHANNEL } from '../../broker/outbox/outbox-table.js';
import { isFull, type BatchLimit, type ClaimedRow } from '../../broker/outbox/relay-table.js';
import { BrokerUnavailableError } from '../../broker/queue-errors.js';
import { QUEUE_OPTIONS, WORKER_ID, type ResolvedQueueOptions } from '../../broker/queue-settings.js';
import { ExecutionWriter } from '../../client/execution-writer.js';
import { FollowUpStore } from '../../client/follow-up-store.js';
import { OutboxLog } from '../../log/outbox-log.js';
import { QueueLog } from '../../log/queue-log.js';
import { HeldRows } from './held-rows.js';
import { RelayBatch, RelayLeaseLost, type RelayedBatch } from './relay-batch.js';
import { RelayLooks } from './relay-looks.js';

const BATCH: BatchLimit = { rows: 500, bytes: 8 * 1_024 * 1_024 };
/** Pause before a row is relayed again that could not be, in milliseconds; doubled each time. */
const FIRST_DELAY = 1_000;
const LAST_DELAY = 300_000;

/** Gives what the application has written into the outbox to the broker, in every process with a worker: one at a time. */
@Injectable()
export class OutboxRelay {
  private readonly looks = new RelayLooks((isWoken) => this.look(isWoken));
  private readonly held: HeldRows | undefined;
  private written: Subscription | undefined;
  private stopListening: (() => Promise<void>) | undefined;
  private isListening = false;
  private drains = 0;

  constructor(
    @Inject(OUTBOX) protected readonly outbox: Outbox | undefined,
    @Inject(BROKER) broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(WORKER_ID) private readonly workerId: string,
    private readonly adder: ExecutionWriter,
    private readonly followUps: FollowUpStore,
    private readonly queueLog: QueueLog,
    private readonly log: OutboxLog,
  ) {
    if (outbox !== undefined && !broker.isShared)
      this.held = new HeldRows(outbox.relay, broker, workerId, options.lease);
  }

  start(): void {
    const { outbox } = this;
    if (outbox === undefined) return;
    this.held?.start();
    this.watch(outbox);
  }

  /** Looks into the outbox from now on. */
  protected watch(outbox: Outbox): void {
    // Where the commit wakes nobody, this process looks soon after its own writes.
    this.written = outbox.written$.subscribe(() => !this.isListening && this.looks.soon());
    this.looks.start();
  }

  /** Relays what has committed until now. @returns false when another process relays at the moment. */
  async relayNow(): Promise<boolean> {
    if (this.outbox === undefined) return true;
    await this.outbox.open();
    await this.outbox.relay.tidy();
    return this.drain(this.outbox);
  }

  /** Relays no further batch. */
  async stop(): Promise<void> {
    this.written?.unsubscribe();
    await this.looks.stop();
    await this.stopListening?.().catch(() => {});
    await this.wakeNext();
  }

  /** Lets other processes relay what this one has in its memory, and has not run. */
  async end(): Promise<void> {
    await this.held?.end().catch(() => {}); // the rows come due by themselves
    if (this.held !== undefined) await this.wakeNext();
  }

  /** Lets another process go on at once: it may have found this one relaying, and looks again after a second. */
  private async wakeNext(): Promise<void> {
    if (this.outbox?.identity !== undefined) await this.outbox.relay.wake().catch(() => {});
  }

  /** @returns whether there may be more to relay at once. */
  private async look(isWoken: boolean): Promise<boolean> {
    const outbox = this.outbox as Outbox;
    try {
      await outbox.open();
      if (!this.isListening) await this.listen(outbox);
      if (!isWoken && this.looks.isTidyTime()) await outbox.relay.tidy();
      const isMissed = (isWoken || (await outbox.relay.hasWork())) && !(await this.drain(outbox));
      this.log.reachable();
      return isMissed && !this.isListening;
    } catch (error) {
      this.log.unreachable(error);
      return false;
    }
  }

  /** @returns false when another process relays at the moment. */
  private async drain(outbox: Outbox): Promise<boolean> {
    this.drains += 1;
    const token = `${this.workerId}:${this.drains}`;
    let asked = performance.now();
    if (!(await outbox.relay.take(token, this.options.lease))) return false;
    try {
      for (;;) {
        const leaseUntil = asked + this.options.lease;
        const rows = await outbox.relay.claim(token, BATCH);
        if (rows.length > 0 && !(await this.relay(outbox, token, rows, leaseUntil))) return true;
        if (!isFull(rows, BATCH) || this.looks.isStopped) return true;
        asked = performance.now();
        if (!(await outbox.relay.take(token, this.options.lease))) return true;
      }
    } finally {
      await outbox.relay.leave(token).catch(() => {}); // it expires
    }
  }

  /** @returns false when the broker cannot be reached. */
  private async relay(
    outbox: Outbox,
    token: string,
    rows: readonly ClaimedRow[],
    leaseUntil: number,
  ): Promise<boolean> {
    const { lease } = this.options;
    let until = leaseUntil;
    const keepLease = async (): Promise<void> => {
      const now = performance.now();
      if (now < until - lease / 2) return;
      // A batch of replacements may take longer than the lease, and would begin again and again.
      if (now < until && (await outbox.relay.take(token, lease))) until = now + lease;
      else throw new RelayLeaseLost();
    };
    const batch = new RelayBatch(this.adder, this.followUps, this.log, () => this.clock.now(), keepLease);
    let relayed: RelayedBatch;
    try {
      relayed = await batch.relay(rows);
    } catch (error) {
      if (error instanceof RelayLeaseLost) this.log.leaseLost();
      else if (error instanceof BrokerUnavailableError) this.queueLog.disrupted(error);
      else throw error;
      return false;
    }
    await this.store(outbox, token, rows, relayed);
    return true;
  }

  private async store(
    { relay }: Outbox,
    token: string,
    rows: readonly ClaimedRow[],
    { settled, failures, skipped }: RelayedBatch,
  ): Promise<void> {
    for (const [note, alike] of settled) await relay.settle(token, alike, note, SETTLED_FOR);
    for (const { row, error } of failures) {
      const delay = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** row.attempts);
      await relay.putOff(token, [row], JSON.stringify({ error }), delay);
      this.log.notRelayed(row, error, delay);
    }
    if (skipped.length > 0) await relay.skip(token, skipped);
    const apart = new Set([...[...settled.values()].flat(), ...failures.map(({ row }) => row), ...skipped]);
    const added = apart.size === 0 ? rows : rows.filter((row) => !apart.has(row));
    this.queueLog.counts.relayed += added.length;
    if (added.length === 0) return;
    if (this.held === undefined) await relay.forget(token, rows);
    else await this.held.hold(token, rows, added);
  }

  private async listen({ database, fleet }: Outbox): Promise<void> {
    if (database.listen === undefined) return;
    const heard = (payload: string): void => {
      if (payload === fleet) this.looks.wake();
    };
    const lost = (): void => {
      this.isListening = false; // the next look listens again
    };
    this.stopListening = await database.listen(OUTBOX_CHANNEL, heard, lost);
    this.isListening = true;
  }
}
