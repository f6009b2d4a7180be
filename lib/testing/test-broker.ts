import type { Claim, Renewal } from '../queue/broker/broker.js';
import { MemoryBroker } from '../queue/broker/memory/memory-broker.js';
import { MemoryExecutionStore } from '../queue/broker/memory/memory-execution-store.js';
import type { MemoryQueue } from '../queue/broker/memory/memory-queue.js';
import { MemoryRunStore } from '../queue/broker/memory/memory-run-store.js';
import { decodeArgs } from '../queue/declaration/payload.js';
import { LeaseLostError } from '../queue/broker/queue-errors.js';
import type { ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { Retention } from '../queue/broker/retention.js';
import { createDeferred } from '../task/deferred.js';
import type { Addition } from './addition.js';
import { comesWithin } from './turn.js';
import type { VirtualClock } from './virtual-clock.js';
import type { AddedExecution, KeyedExecution, NewExecution } from '../queue/broker/record.js';
import type { Settlement } from '../queue/broker/settlement.js';

const FOR_EVER = { completed: Infinity, failed: Infinity, cancelled: Infinity, dropped: Infinity };

interface Run {
  readonly claim: Claim;
  leaseUntil: number;
}

/** Number of starts of one key, without an end or without time passing, that counts as endless. */
export const ENDLESS = 2_000;

/** Executions of a test, recorded as they are added. */
export class TestExecutionStore extends MemoryExecutionStore {
  readonly additions: Addition[] = [];

  override async add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    const added = await super.add(executions);
    for (const [index, execution] of executions.entries()) {
      if (execution.extras?.isAutomatic === true) continue; // not added by the code under test
      const { key, isNew } = added[index] as AddedExecution;
      this.#note(
        { ...execution, key },
        { disposition: isNew ? 'scheduled' : 'already-scheduled', isReplacement: false },
      );
    }
    return added;
  }

  override async replace(execution: KeyedExecution): Promise<string> {
    const id = await super.replace(execution);
    this.#note(execution, { disposition: 'scheduled', isReplacement: true });
    return id;
  }

  #note(execution: KeyedExecution, how: Pick<Addition, 'disposition' | 'isReplacement'>): void {
    const { name, args, key, when, priority } = execution;
    this.additions.push({
      name,
      args: decodeArgs(args),
      key,
      when: when === undefined ? undefined : new Date(when),
      priority,
      ...how,
      addedAt: new Date(this.queue.clock.now()),
    });
  }
}

/** Runs controlled by a test: work is handed out only while the store is open, and quiet is observable. */
export class TestRunStore extends MemoryRunStore {
  isClosed = false;
  /** Key that seems to run for ever. */
  endless: string | undefined;

  /** Runs that were handed out and are neither settled nor lost, by their token. */
  readonly #runs = new Map<string, Run>();
  readonly #crashed = new Set<string>();
  /** Number of starts of each key since `expectEnd()`. */
  readonly #starts = new Map<string, number>();
  #openings = 0;
  #isWaitedFor = false;
  #opened = createDeferred<void>();
  #news = createDeferred<void>();

  /** Hands out work, until as many calls of `shut()`. */
  open(): void {
    this.#openings += 1;
    this.#opened.resolve();
  }

  shut(): void {
    this.#openings -= 1;
    if (!this.#isOpen) this.#opened = createDeferred();
  }

  /** Resets the numbers of starts. */
  expectEnd(): void {
    this.#starts.clear();
    this.endless = undefined;
  }

  /**
   * Returns true if nothing runs, nothing is due, and the worker waits. Valid after a turn of the event loop.
   *
   * @param sleepers number of runs that wait for time and nothing else.
   */
  isQuiet(sleepers: number): boolean {
    return this.#isWaitedFor && this.#runs.size === sleepers;
  }

  get running(): Claim[] {
    return [...this.#runs.values()].map(({ claim }) => claim);
  }

  /** Resolves to true at the next start or end, to false when none comes within `limit` milliseconds. */
  news(limit: number): Promise<boolean> {
    return comesWithin(limit, this.#news.promise);
  }

  /**
   * Simulates the death of the process that runs the execution.
   *
   * @returns the end of its lease, if it was running.
   */
  crash(key: string): number | undefined {
    const run = [...this.#runs.values()].find(({ claim }) => claim.record.key === key);
    if (run === undefined) return undefined;
    this.#crashed.add(run.claim.token);
    this.#end(run.claim);
    return run.leaseUntil;
  }

  override async waitForWork(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) return this.#opened.promise;
    this.#isWaitedFor = true;
    this.#tellNews();
    await super.waitForWork(signal);
    this.#isWaitedFor = false;
  }

  override excuse(claim: Claim): Promise<void> {
    // A dead worker reports nothing.
    return this.#crashed.has(claim.token) ? Promise.resolve() : super.excuse(claim);
  }

  override async renew(claims: readonly Claim[]): Promise<Renewal> {
    const alive = claims.filter(({ token }) => !this.#crashed.has(token));
    const { lost, cancelled } = await super.renew(alive);
    for (const claim of lost) this.#end(claim);
    for (const { token } of alive) {
      const run = this.#runs.get(token);
      if (run !== undefined) run.leaseUntil = this.#leaseEnd;
    }
    return { lost: [...lost, ...claims.filter((claim) => !alive.includes(claim))], cancelled };
  }

  close(): void {
    this.isClosed = true;
    this.#opened.resolve();
    this.#tellNews();
  }

  protected override claimNow(): Claim | undefined {
    const claim = this.#isOpen ? super.claimNow() : undefined;
    if (claim === undefined) return undefined;
    this.#count(claim.record.key);
    this.#runs.set(claim.token, { claim, leaseUntil: this.#leaseEnd });
    this.#tellNews();
    return claim;
  }

  protected override settleNow(claim: Claim, settlement: Settlement): void {
    if (this.#crashed.has(claim.token)) throw new LeaseLostError(claim.record.key);
    super.settleNow(claim, settlement);
    this.#end(claim);
  }

  get #isOpen(): boolean {
    return this.#openings > 0;
  }

  get #leaseEnd(): number {
    return this.queue.clock.now() + this.queue.options.lease;
  }

  #count(key: string): void {
    const starts = (this.#starts.get(key) ?? 0) + 1;
    this.#starts.set(key, starts);
    if (starts > ENDLESS) this.endless = key;
  }

  #end({ token }: Claim): void {
    this.#runs.delete(token);
    this.#tellNews();
  }

  #tellNews(): void {
    this.#news.resolve();
    this.#news = createDeferred();
  }
}

/** Memory broker controlled by a test. */
export class TestBroker extends MemoryBroker {
  declare readonly executions: TestExecutionStore;
  declare readonly runs: TestRunStore;

  constructor(clock: VirtualClock, { lease, retention }: ResolvedQueueOptions) {
    // Tests often move the clock beyond the retention, and read the results afterwards.
    const isKept = retention.byDefault.completed > 0;
    super({ clock, lease, retention: isKept ? new Retention(FOR_EVER) : retention, workerId: 'test' });
  }

  override close(): Promise<void> {
    this.runs.close();
    return super.close();
  }

  protected override openExecutions(queue: MemoryQueue): TestExecutionStore {
    return new TestExecutionStore(queue);
  }

  protected override openRuns(queue: MemoryQueue): TestRunStore {
    return new TestRunStore(queue);
  }
}
