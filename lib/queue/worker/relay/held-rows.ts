import type { Broker } from '../../broker/broker.js';
import type { ClaimedRow, RelayTable } from '../../broker/outbox/relay-table.js';
import { isEnded } from '../../broker/record.js';

/** Time for which ended executions are collected before their rows are deleted together, in milliseconds. */
const COLLECTING = 20;
const MOST_AT_ONCE = 500;

/**
 * Rows whose executions are in the memory of this process. They stay in the database until those have ended: when the
 * process dies, the next one relays them again.
 */
export class HeldRows {
  /** Keys of the executions, by id. */
  private readonly keys = new Map<string, string>();
  private ended: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private renewal: NodeJS.Timeout | undefined;
  private unsubscribe: Promise<() => void> | undefined;

  constructor(
    private readonly table: RelayTable,
    private readonly broker: Broker,
    private readonly holder: string,
    /** Time after which other processes relay the rows of this one, without a renewal, in milliseconds. */
    private readonly lease: number,
  ) {}

  start(): void {
    this.unsubscribe ??= this.broker.signals.subscribe((signal) => {
      if (signal.type === 'changed') this.check(signal.id);
    });
    this.renewal ??= setInterval(() => void this.renew(), this.lease / 3).unref();
  }

  /** @param added those of the rows that are executions now. */
  async hold(token: string, rows: readonly ClaimedRow[], added: readonly ClaimedRow[]): Promise<void> {
    await this.table.hold(token, rows, this.holder, this.lease);
    for (const { id, entry } of added) this.keys.set(id, entry?.execution.key ?? id);
    // They may have ended before.
    for (const { id } of added) this.check(id);
  }

  async end(): Promise<void> {
    clearInterval(this.renewal);
    (await this.unsubscribe)?.();
    await this.flush();
    await this.table.releaseHeld(this.holder);
  }

  private check(id: string): void {
    const key = this.keys.get(id);
    if (key !== undefined) void this.look(id, key);
  }

  private async look(id: string, key: string): Promise<void> {
    const status = await this.broker.executions.find(id, key).catch(() => null); // the database of the outbox may be down
    if (status === null || (status !== undefined && !isEnded(status.state)) || !this.keys.delete(id)) return;
    this.ended.push(id);
    this.timer ??= setTimeout(() => void this.flush(), COLLECTING).unref();
  }

  /** Deletes the rows of ended executions. Those that cannot be deleted now are tried again with the next renewal. */
  private flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing = this.flushing.then(() => this.deleteEnded());
    return this.flushing;
  }

  private async deleteEnded(): Promise<void> {
    while (this.ended.length > 0) {
      const ids = this.ended.splice(0, MOST_AT_ONCE);
      try {
        await this.table.forgetHeld(this.holder, ids);
      } catch {
        this.ended.push(...ids);
        return;
      }
    }
  }

  private async renew(): Promise<void> {
    if (this.ended.length > 0) await this.flush();
    if (this.keys.size === 0 && this.ended.length === 0) return;
    await this.table.renewHeld(this.holder, this.lease).catch(() => {}); // the next one may succeed
  }
}
