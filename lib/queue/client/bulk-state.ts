import type { SharedMaps } from '../broker/broker.js';
import { QUIET } from '../broker/broker.js';
import { readNumber, readStored, readString } from '../broker/stored.js';

const MAP = `${QUIET}bulk`;

/** How far a bulk run has come, kept for the worker that goes on with it. */
export class BulkState {
  matched = 0;
  private done = 0;
  private skipped = 0;
  /** Ids of executions that are being taken. */
  hand: readonly string[] = [];
  /** End of the part of the list that is in hand. */
  cursor: string | undefined;
  isLast = false;

  constructor(
    private readonly maps: SharedMaps,
    /** Key of the execution. */
    readonly key: string,
    /** Time until which the executions have ended, in milliseconds since the epoch. */
    readonly until: number,
  ) {}

  static async load(maps: SharedMaps, key: string): Promise<BulkState | undefined> {
    return (await BulkState.loadAll(maps)).find((state) => state.key === key);
  }

  static async loadAll(maps: SharedMaps): Promise<BulkState[]> {
    const entries = (await maps.read(MAP))?.entries ?? new Map<string, string>();
    return [...entries].flatMap(([field, text]) => BulkState.parse(maps, field, text) ?? []);
  }

  private static parse(maps: SharedMaps, field: string, text: string): BulkState | undefined {
    return readStored(text, ({ until, matched, done, skipped, hand, cursor, isLast }) => {
      const [end, all, taken, left] = [until, matched, done, skipped].map(readNumber);
      if (end === undefined || all === undefined || taken === undefined || left === undefined) return undefined;
      const state = new BulkState(maps, field, end);
      state.matched = all;
      state.done = taken;
      state.skipped = left;
      state.hand = Array.isArray(hand) ? hand.filter((id): id is string => typeof id === 'string') : [];
      state.cursor = readString(cursor);
      state.isLast = isLast === true;
      return state;
    });
  }

  /** Number of executions that were looked at. */
  get seen(): number {
    return this.done + this.skipped;
  }

  /** What was gone before it was looked at counts as skipped. */
  get outcome(): { matched: number; done: number; skipped: number } {
    const matched = Math.max(this.matched, this.seen);
    return { matched, done: this.done, skipped: matched - this.done };
  }

  fill(hand: readonly string[], cursor: string | undefined): void {
    this.hand = hand;
    this.cursor = cursor;
    this.isLast = cursor === undefined;
  }

  /** Notes what became of the first in hand. */
  note(taken: readonly boolean[]): void {
    this.hand = this.hand.slice(taken.length);
    for (const isTaken of taken) {
      if (isTaken) this.done += 1;
      else this.skipped += 1;
    }
  }

  async save(): Promise<void> {
    const { until, matched, done, skipped, hand, cursor, isLast } = this;
    await this.maps.write(MAP, this.key, JSON.stringify({ until, matched, done, skipped, hand, cursor, isLast }));
  }

  async erase(): Promise<void> {
    await this.maps.erase(MAP, this.key);
  }
}
