import { setTimeout as sleep } from 'node:timers/promises';
import { REPLACED, type BrokerLog, type Foretell } from '../broker.js';
import type { SlotAcquisition } from './slot-acquisition.js';
import { encodeKey } from './encoded-key.js';
import type { ExecutionFinder } from './execution-finder.js';
import type { FleetSignals } from './fleet-signals.js';
import type { JobStore } from './job-store.js';
import { parseReplacement, recordOfReplacement, replacementOf, REPLACEMENTS, type Replacement } from './replacement.js';
import type { SideStore } from './side-store.js';
import type { KeyedExecution } from '../record.js';

/** Whoever applies a replacement has died when he takes longer, in milliseconds. */
const LOCK_TTL = 5_000;
const LOCK_RETRY = 5;

/**
 * Puts executions in the place of others. What is to be done is written down first, and whoever comes across it goes on
 * with it: the caller, the worker whose run has settled, or any worker's next look. So a crash at any point leaves the
 * old execution or the new one. The new one's id is fixed: to add it twice adds it once.
 */
export class Replacements {
  /** The keys of what runs in this process. */
  private readonly running = new Set<string>();
  /** The keys of which this process knows that a replacement waits for the end of a run, here or elsewhere. */
  private awaited = new Set<string>();
  /** Looks in the store that are on their way, since somebody has told of a replacement. */
  private looks = 0;
  /** The last call for each key. */
  private readonly queues = new Map<string, Promise<void>>();

  constructor(
    private readonly store: SideStore,
    private readonly jobs: JobStore,
    private readonly finder: ExecutionFinder,
    private readonly fleetSignals: FleetSignals,
    private readonly acquisition: SlotAcquisition,
    private readonly log: BrokerLog,
  ) {}

  /** A run of the key has begun in this process. */
  begin(key: string): void {
    this.running.add(key);
  }

  /** Whether one waits for the run of the key to end, or may. */
  awaits(key: string): boolean {
    return this.awaited.has(key) || this.looks > 0;
  }

  /** The run has ended. @returns whether a replacement has followed, or may have. */
  end(key: string): false | Promise<true> {
    this.running.delete(key);
    return this.awaits(key) ? this.applyLater(key).then(() => true) : false;
  }

  /** Somebody has replaced what runs somewhere. */
  async hear(): Promise<void> {
    this.looks += 1;
    const keys = await this.keys().catch(() => []); // the next applyAll() makes good for it
    this.looks -= 1;
    for (const key of keys) {
      this.awaited.add(key);
      // Its run may have settled here just before this was heard.
      if (!this.running.has(key)) void this.applyLater(key);
    }
  }

  /** In the order of the calls, also where the database would take them in another. */
  replace(execution: KeyedExecution, id: string): Promise<void> {
    const { key } = execution;
    const replaced = (this.queues.get(key) ?? Promise.resolve()).then(() => this.replaceNext(execution, id));
    const last = replaced
      .catch(() => {}) // whoever has called is told
      .then(() => {
        if (this.queues.get(key) === last) this.queues.delete(key);
      });
    this.queues.set(key, last);
    return replaced;
  }

  private async replaceNext(execution: KeyedExecution, id: string): Promise<void> {
    const { key } = execution;
    const replacement: Replacement = { id, execution };
    const superseded = await replacementOf(this.store, key);
    await this.store.write(REPLACEMENTS, encodeKey(key), JSON.stringify(replacement));
    if (superseded !== undefined) await this.conclude(superseded, REPLACED);
    if (await this.apply(key)) return;
    // A worker that is about to begin the run hears its own signal.
    if (this.running.has(key)) this.awaited.add(key);
    else this.fleetSignals.send({ type: 'replaced' });
  }

  /** @param id leaves every other one alone. @returns whether there was one. */
  async cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<boolean> {
    const field = encodeKey(key);
    for (;;) {
      const text = await this.store.get(REPLACEMENTS, field);
      const replacement = text === undefined ? undefined : parseReplacement(text);
      if (text === undefined || (id !== undefined && replacement?.id !== id)) return false;
      if (replacement !== undefined) await foretell?.({ ...replacement.execution, id: replacement.id });
      if (await this.cancelEntry(field, text, reason)) return true;
    }
  }

  /** @returns how many there were. */
  async cancelAll(reason: string): Promise<number> {
    const entries = (await this.store.read(REPLACEMENTS))?.entries ?? [];
    const cancelled = await Promise.all(Array.from(entries, ([field, text]) => this.cancelEntry(field, text, reason)));
    return cancelled.filter(Boolean).length;
  }

  /** Those that nobody has gone on with. */
  async applyAll(): Promise<void> {
    const keys = await this.keys();
    this.awaited = new Set([...this.awaited].filter((key) => keys.includes(key))); // others have applied the rest
    for (const key of keys) await this.apply(key);
  }

  private async keys(): Promise<string[]> {
    const entries = (await this.store.read(REPLACEMENTS))?.entries ?? [];
    return [...entries].flatMap(([field, text]) => this.read(field, text)?.execution.key ?? []);
  }

  private read(field: string, text: string): Replacement | undefined {
    const replacement = parseReplacement(text);
    if (replacement === undefined) this.log.unreadable(`replacement ${field}`);
    return replacement;
  }

  private async cancelEntry(field: string, text: string, reason: string): Promise<boolean> {
    const isGone = await this.store.erase(REPLACEMENTS, field, { expected: text });
    const replacement = isGone ? this.read(field, text) : undefined;
    if (replacement !== undefined) await this.conclude(replacement, reason);
    return isGone;
  }

  /** Tells handles of a replacement that it will not come. */
  private async conclude(replacement: Replacement, reason: string): Promise<void> {
    await this.jobs.rememberGone({ ...recordOfReplacement(replacement), state: 'cancelled', reason });
    this.tell(replacement.id);
  }

  /** Those who watch look by themselves as well, so a signal that fails is no loss. */
  private tell(id: string): void {
    this.fleetSignals.send({ type: 'changed', id });
  }

  /**
   * Applies the replacement of a key, where there is one.
   *
   * @returns false when the execution in its place runs: its end is to be waited for.
   */
  private async apply(key: string): Promise<boolean> {
    const field = encodeKey(key);
    for (;;) {
      const text = await this.store.get(REPLACEMENTS, field);
      if (text === undefined) return true;
      const token = await this.store.lock(field, LOCK_TTL);
      if (token === undefined) {
        await sleep(LOCK_RETRY); // somebody else is at it
        continue;
      }
      try {
        const done = await this.applyUnderLock(field);
        if (done !== undefined) return done;
      } finally {
        await this.store.unlock(field, token);
      }
    }
  }

  /** If it fails, the next `applyAll()` of any worker goes on with it. */
  private async applyLater(key: string): Promise<void> {
    const isDone = await this.apply(key).catch(() => false);
    if (isDone) this.awaited.delete(key);
  }

  /** @returns nothing when something has changed meanwhile, and another try is needed. */
  private async applyUnderLock(field: string): Promise<boolean | undefined> {
    const text = await this.store.get(REPLACEMENTS, field);
    if (text === undefined) return true;
    const replacement = this.read(field, text);
    if (replacement === undefined) return true;
    const { id, execution } = replacement;
    const current = await this.finder.liveOf(execution.key);
    if (current !== undefined && current.id !== id) {
      if (current.record.state === 'running') return false;
      const { ids, candidates } = await this.jobs.cancelWaiting(current.id, REPLACED);
      if (ids.length === 0) return undefined;
      await this.acquisition.forget(candidates);
      this.tell(current.id);
    }
    if (current?.id !== id && (await this.jobs.add(execution, id)) !== id) return undefined;
    if (await this.store.erase(REPLACEMENTS, field, { expected: text })) return true;
    // A newer one has been written down since: then that is next. Or it was cancelled meanwhile.
    const isCancelled = (await this.store.get(REPLACEMENTS, field)) === undefined;
    if (isCancelled) await this.jobs.remove(id);
    return isCancelled ? true : undefined;
  }
}
