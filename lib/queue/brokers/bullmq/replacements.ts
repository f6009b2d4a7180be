import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyedExecution } from '../broker.js';
import type { Admissions } from './admissions.js';
import { encodeKey } from './execution-id.js';
import type { Fleet } from './fleet.js';
import type { JobStore } from './job-store.js';
import type { SideStore } from './side-store.js';

interface Replacement {
  readonly id: string;
  readonly execution: KeyedExecution;
}

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
  /** The last call for each key. */
  private readonly queues = new Map<string, Promise<void>>();

  constructor(
    private readonly store: SideStore,
    private readonly jobs: JobStore,
    private readonly fleet: Fleet,
    private readonly admissions: Admissions,
  ) {}

  /** A run of the key has begun in this process. */
  begin(key: string): void {
    this.running.add(key);
  }

  /** Whether one waits for the run of the key to end. */
  awaits(key: string): boolean {
    return this.awaited.has(key);
  }

  /** The run has ended. @returns whether a replacement has followed, or may have. */
  async end(key: string): Promise<boolean> {
    this.running.delete(key);
    const isReplaced = this.awaits(key);
    if (isReplaced) await this.applyLater(key);
    return isReplaced;
  }

  /** Somebody has replaced what runs somewhere. */
  hear(key: string): void {
    this.awaited.add(key);
    // Its run may have settled here just before this was heard.
    if (!this.running.has(key)) void this.applyLater(key);
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
    await this.store.putEntry('replacements', encodeKey(key), JSON.stringify(replacement));
    if (await this.apply(key)) return;
    // A worker that is about to begin the run hears its own signal.
    if (this.running.has(key)) this.awaited.add(key);
    else await this.fleet.send({ type: 'replaced', key });
  }

  /** @returns whether there was one. */
  take(key: string): Promise<boolean> {
    return this.store.deleteEntry('replacements', encodeKey(key));
  }

  async takeAll(): Promise<number> {
    const entries = await this.store.entries('replacements');
    const taken = await Promise.all(entries.map(([field]) => this.store.deleteEntry('replacements', field)));
    return taken.filter(Boolean).length;
  }

  /** Those that nobody has gone on with. */
  async applyAll(): Promise<void> {
    const entries = await this.store.entries('replacements');
    const keys = entries.map(([, text]) => parse(text).execution.key);
    this.awaited = new Set([...this.awaited].filter((key) => keys.includes(key))); // others have applied the rest
    for (const key of keys) await this.apply(key);
  }

  /**
   * Applies the replacement of a key, where there is one.
   *
   * @returns false when the execution in its place runs: its end is to be waited for.
   */
  private async apply(key: string): Promise<boolean> {
    const field = encodeKey(key);
    for (;;) {
      const text = await this.store.getEntry('replacements', field);
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
    const text = await this.store.getEntry('replacements', field);
    if (text === undefined) return true;
    const { id, execution } = parse(text);
    const current = await this.jobs.findLive(execution.key);
    if (current !== undefined && current.id !== id) {
      if (current.record.state === 'running') return false;
      if (!(await this.jobs.remove(current.id))) return undefined;
      await this.admissions.forgetVisit(current);
    }
    if (current?.id !== id && (await this.jobs.add(execution, id)) !== id) return undefined;
    if (await this.store.deleteEntry('replacements', field, text)) return true;
    // A newer one has been written down since: then that is next. Or it was cancelled meanwhile.
    const isCancelled = (await this.store.getEntry('replacements', field)) === undefined;
    if (isCancelled) await this.jobs.remove(id);
    return isCancelled ? true : undefined;
  }
}

function parse(text: string): Replacement {
  return JSON.parse(text) as Replacement;
}
