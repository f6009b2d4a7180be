import type {
  AddedExecution,
  Claim,
  KeyedExecution,
  NewExecution,
  Renewal,
  Settlement,
} from '../queue/brokers/broker.js';
import { MemoryBroker } from '../queue/brokers/memory-broker.js';
import { decodeArgs } from '../queue/payload.js';
import { LeaseLostError } from '../queue/queue-errors.js';
import type { ResolvedQueueOptions } from '../queue/queue-options.js';
import { createDeferred } from '../task/deferred.js';
import type { Addition } from './addition.js';
import { comesWithin, turn } from './turn.js';
import type { VirtualClock } from './virtual-clock.js';

interface Run {
  readonly claim: Claim;
  leaseUntil: number;
}

/** Timers and I/O get their turn in between: tasks that wait for nothing and add the next would hold the process. */
const CLAIMS_PER_TURN = 100;
/** What runs so often under one key, without an end or without time passing, will go on for ever. */
export const ENDLESS = 2_000;

/** The memory broker in the hands of a test: it hands out work only while it is open, and knows when all is quiet. */
export class TestBroker extends MemoryBroker {
  readonly additions: Addition[] = [];
  isClosed = false;
  /** A key that runs for ever, as it seems. */
  endless: string | undefined;

  readonly #clock: VirtualClock;
  readonly #lease: number;
  /** What was handed out and is neither settled nor lost, by its token. */
  readonly #runs = new Map<string, Run>();
  readonly #crashed = new Set<string>();
  /** How often each key was handed out since `expectEnd()`. */
  readonly #starts = new Map<string, number>();
  #claims = 0;
  #openings = 0;
  #isWaitedFor = false;
  #opened = createDeferred<void>();
  #news = createDeferred<void>();

  constructor(clock: VirtualClock, { lease, retention }: ResolvedQueueOptions) {
    // What a test moves the clock by is often more than the retention, and it looks at the results afterwards.
    super({ clock, lease, retention: retention === 0 ? 0 : Infinity, workerId: 'test' });
    this.#clock = clock;
    this.#lease = lease;
  }

  /** Hands out work, until as many calls of `shut()`. */
  open(): void {
    this.#openings += 1;
    this.#opened.resolve();
  }

  shut(): void {
    this.#openings -= 1;
    if (!this.#isOpen) this.#opened = createDeferred();
  }

  /** Counts anew how often each key runs. */
  expectEnd(): void {
    this.#starts.clear();
    this.endless = undefined;
  }

  /** Nothing runs, nothing is due, and the worker waits. To be asked after a turn of the event loop. */
  get isQuiet(): boolean {
    return this.#isWaitedFor && this.#runs.size === 0;
  }

  get running(): Claim[] {
    return [...this.#runs.values()].map(({ claim }) => claim);
  }

  /** Resolves when something was handed out or came to its end: false when nothing did for `limit` milliseconds. */
  news(limit: number): Promise<boolean> {
    return comesWithin(limit, this.#news.promise);
  }

  /**
   * As if the process that runs the execution had died.
   *
   * @returns when its lease will be over, if it was running.
   */
  crash(key: string): number | undefined {
    const run = [...this.#runs.values()].find(({ claim }) => claim.record.key === key);
    if (run === undefined) return undefined;
    this.#crashed.add(run.claim.token);
    this.#end(run.claim);
    return run.leaseUntil;
  }

  override async add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    const added = await super.add(executions);
    for (const [index, execution] of executions.entries()) {
      if (execution.extras?.isAutomatic === true) continue; // it was not the code under test that added it
      const { key, isNew } = added[index] as AddedExecution;
      this.#note(
        { ...execution, key },
        { disposition: isNew ? 'scheduled' : 'already-scheduled', isReplacement: false },
      );
    }
    return added;
  }

  override async replace(execution: KeyedExecution): Promise<void> {
    await super.replace(execution);
    this.#note(execution, { disposition: 'scheduled', isReplacement: true });
  }

  override async claim(): Promise<Claim | undefined> {
    this.#claims += 1;
    if (this.#claims % CLAIMS_PER_TURN === 0) await turn();
    const claim = this.#isOpen ? await super.claim() : undefined;
    if (claim === undefined) return undefined;
    this.#count(claim.record.key);
    this.#runs.set(claim.token, { claim, leaseUntil: this.#clock.now() + this.#lease });
    this.#tellNews();
    return claim;
  }

  override async waitForWork(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) return this.#opened.promise;
    this.#isWaitedFor = true;
    this.#tellNews();
    await super.waitForWork(signal);
    this.#isWaitedFor = false;
  }

  override async settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    if (this.#crashed.has(claim.token)) throw new LeaseLostError(claim.record.key);
    await super.settle(claim, settlement, false);
    this.#end(claim);
    return claimNext ? this.claim() : undefined;
  }

  override async renew(claims: readonly Claim[]): Promise<Renewal> {
    const alive = claims.filter(({ token }) => !this.#crashed.has(token));
    const { lost, cancelled } = await super.renew(alive);
    for (const claim of lost) this.#end(claim);
    // There is one worker, which renews all of its leases at once.
    for (const run of this.#runs.values()) run.leaseUntil = this.#clock.now() + this.#lease;
    return { lost: [...lost, ...claims.filter((claim) => !alive.includes(claim))], cancelled };
  }

  override close(): Promise<void> {
    this.isClosed = true;
    this.#opened.resolve();
    this.#tellNews();
    return super.close();
  }

  get #isOpen(): boolean {
    return this.#openings > 0;
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
      addedAt: new Date(this.#clock.now()),
    });
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
