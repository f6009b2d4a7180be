import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { TasksShutdown, type TaskIntake } from '../scheduler/tasks-shutdown.js';
import { createDeferred } from '../task/deferred.js';
import { BROKER, type Broker, type Claim, type Settlement, type Signal, type WorkerInfo } from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { DurableRegistry } from './durable-registry.js';
import { ExecutionRun } from './execution-run.js';
import { ExecutionRunner } from './execution-runner.js';
import { BrokerUnavailableError, LeaseLostError } from './queue-errors.js';
import { QueueLog } from './queue-log.js';
import { QUEUE_OPTIONS, WORKER_ID, type ResolvedQueueOptions } from './queue-options.js';

/** How often leases are renewed, and expired ones looked for, in the time of a lease. */
const BEATS_PER_LEASE = 3;
/** How long a worker tells of an execution that somebody watches; who does asks again before. */
const WATCH_TIME = 10_000;
/** What a worker waits before it calls a broker again that has failed. */
const DISRUPTION_DELAY = 500;

/** What a signal to cancel is remembered for when its execution is not known here: its claim may be on the way. */
const EARLY_CANCEL_TIME = 10_000;

/** Claims executions as long as there are free slots, runs them, and settles them. */
@Injectable()
export class QueueWorker implements OnApplicationBootstrap, TaskIntake {
  private readonly runs = new Set<ExecutionRun>();
  /** Claims that may still bring a run. */
  private readonly pending = new Set<Promise<unknown>>();
  private readonly watched = new Map<string, number>();
  private readonly earlyCancels = new Map<string, { readonly reason: string; readonly until: number }>();
  /** How many starts are allowed of an execution, by its key. */
  private readonly limits = new Map<string, number>();
  private readonly startedAt: number;
  private readonly stop = new AbortController();
  private isStarted = false;
  private isEnded = false;
  private slotFreed: (() => void) | undefined;
  private cancelBeat: (() => void) | undefined;
  /** When the worker was last in a position to claim. */
  private readyAt = 0;

  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(WORKER_ID) readonly id: string,
    private readonly runner: ExecutionRunner,
    private readonly registry: DurableRegistry,
    private readonly log: QueueLog,
    shutdown: TasksShutdown,
  ) {
    this.startedAt = clock.now();
    shutdown.addIntake(this);
  }

  /** Our hooks run last, so everything that a task may need is ready. */
  onApplicationBootstrap(): void {
    const hasTasks = this.registry.names.length > 0;
    if (!this.broker.isShared && hasTasks && process.env['NODE_ENV'] === 'production') this.log.volatile();
    // Not awaited: an application may start before its broker does.
    this.broker.connect().catch((error: unknown) => this.log.disrupted(error));
    if (!this.options.hasWorker) return;
    if (this.broker.isShared && !hasTasks) this.log.idleWorker();
    else this.start();
  }

  get isRunning(): boolean {
    return this.isStarted && !this.stop.signal.aborted;
  }

  /** What it announces of itself, while it can claim or is busy. */
  info(): WorkerInfo | undefined {
    if (!this.isRunning) return undefined;
    const now = this.clock.now();
    if (this.runs.size >= this.options.concurrency) this.readyAt = now;
    if (this.readyAt + 2 * this.options.lease < now) return undefined;
    return {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      concurrency: this.options.concurrency,
      running: this.runs.size,
      tasks: this.registry.names,
      startedAt: this.startedAt,
      seenAt: this.readyAt,
    };
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    void this.listen();
    void this.claimUntilStopped();
    if (this.broker.isShared) this.beat();
  }

  /** Cancels executions under the key instead of starting them more often than `starts` times since they were added. */
  limitStarts(key: string, starts: number): void {
    this.limits.set(key, starts);
  }

  close(): void {
    this.stop.abort();
    this.slotFreed?.();
  }

  /** Waits no longer than a lease for a broker that does not answer: after that, others have the executions anyway. */
  async settled(): Promise<void> {
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isOver = true;
        resolve();
      }, this.options.lease);
    });
    for (let open = this.unsettled(); open.length > 0 && !isOver; open = this.unsettled()) {
      await Promise.race([Promise.allSettled(open), limit]);
    }
    clearTimeout(timer);
  }

  /** What was given up goes back to the queue now: until here, its function might still have come to an end. */
  async end(): Promise<void> {
    const left = [...this.runs].filter((run) => run.isHeld && !run.isLeaseLost);
    await Promise.all(left.map((run) => this.settle(run, { type: 'release', reason: 'shutdown' }, false)));
    this.isEnded = true;
    this.cancelBeat?.();
    if (this.isStarted) await this.broker.leave(this.id).catch(() => {}); // it is forgotten in time anyway
    await this.broker.close();
  }

  private unsettled(): Promise<unknown>[] {
    return [...this.pending, ...[...this.runs].filter((run) => run.isEnding).map((run) => run.ended)];
  }

  private async listen(): Promise<void> {
    while (!this.isEnded) {
      try {
        await this.broker.subscribe((signal) => this.hear(signal));
        return;
      } catch (error) {
        await this.pause(error);
      }
    }
  }

  private hear(signal: Signal): void {
    const now = this.clock.now();
    if (signal.type === 'watch') {
      this.watched.set(signal.key, now + WATCH_TIME);
    } else if (signal.type === 'cancel') {
      const run = [...this.runs].find(({ claim }) => claim.id === signal.id);
      if (run !== undefined) run.cancel(signal.reason);
      else this.earlyCancels.set(signal.id, { reason: signal.reason, until: now + EARLY_CANCEL_TIME });
    }
  }

  private async claimUntilStopped(): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      if (this.runs.size >= this.options.concurrency) {
        await new Promise<void>((resolve) => (this.slotFreed = resolve));
        continue;
      }
      try {
        const hasClaimed = await this.track(this.claimOne());
        this.readyAt = this.clock.now();
        this.log.restored();
        if (!hasClaimed && !signal.aborted) await this.broker.waitForWork(signal);
      } catch (error) {
        await this.pause(error);
      }
    }
  }

  private async claimOne(): Promise<boolean> {
    const claim = await this.broker.claim();
    if (claim !== undefined) this.begin(claim);
    return claim !== undefined;
  }

  private begin(claim: Claim): void {
    const run = new ExecutionRun(claim, this.log, this.clock.now() + this.options.lease);
    this.runs.add(run);
    this.beatSoon();
    if (this.stop.signal.aborted) {
      run.ended = this.conclude(run, { type: 'release', reason: 'shutdown' });
      return;
    }
    const early = this.earlyCancels.get(claim.id);
    if (early !== undefined) run.cancel(early.reason);
    const limit = this.limits.get(run.key);
    if (limit !== undefined && claim.record.starts > limit)
      run.cancel(`it has run ${limit} times, as many as runAtMost() allows`);
    this.tell(run);
    run.ended = this.execute(run);
  }

  private async execute(run: ExecutionRun): Promise<void> {
    const settlement = await this.runner.run(run);
    if (settlement !== undefined || run.isLeaseLost) return this.conclude(run, settlement);
    run.isHeld = true;
  }

  private async conclude(run: ExecutionRun, settlement: Settlement | undefined): Promise<void> {
    const next = settlement && (await this.settle(run, this.withinLimit(run, settlement), !this.stop.signal.aborted));
    this.runs.delete(run);
    if (next !== undefined) this.begin(next);
    else this.slotFreed?.();
  }

  private withinLimit(run: ExecutionRun, settlement: Settlement): Settlement {
    const limit = this.limits.get(run.key);
    const goesOn = settlement.type === 'retry' || settlement.type === 'reschedule';
    if (limit === undefined || !goesOn || run.claim.record.starts < limit) return settlement;
    return { type: 'cancel', reason: `it has run ${limit} times, as many as runAtMost() allows` };
  }

  /** Again and again while the broker is down: as long as nobody else has it, the lease may still be ours. */
  private async settle(run: ExecutionRun, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    run.isSettling = true;
    while (!this.isEnded) {
      try {
        const next = await this.broker.settle(run.claim, settlement, claimNext);
        this.note(run, settlement);
        this.tell(run);
        return next;
      } catch (error) {
        if (error instanceof LeaseLostError) {
          run.loseLease();
          return undefined;
        }
        // What the broker refuses, rather than does not hear, it will go on to refuse.
        if (!(error instanceof BrokerUnavailableError) && run.leaseUntil <= this.clock.now()) {
          run.loseLease();
          return undefined;
        }
        await this.pause(error);
      }
    }
    return undefined;
  }

  private note(run: ExecutionRun, settlement: Settlement): void {
    const { name, key, attempt } = run;
    switch (settlement.type) {
      case 'complete':
        this.log.counts.completed += 1;
        return;
      case 'fail':
        this.log.counts.failed += 1;
        return;
      case 'retry':
        return this.log.retrying(name, key, attempt, Math.max(0, settlement.at - this.clock.now()));
      case 'reschedule':
        return this.log.rescheduled(name, key, settlement.at);
      case 'cancel':
        return this.log.cancelled(name, key, settlement.reason);
      case 'drop':
        return this.log.dropped(name, key, settlement.reason);
      case 'park':
        return this.log.parked(name, key, settlement.reason);
      case 'release':
        // That of an unknown task has told of itself.
        if (settlement.at === undefined) this.log.released(name, key, settlement.reason);
    }
  }

  /** Those who watch the execution. */
  private tell({ key }: ExecutionRun): void {
    const until = this.watched.get(key);
    if (until === undefined) return;
    if (until < this.clock.now()) this.watched.delete(key);
    else this.broker.publish({ type: 'changed', key }).catch(() => {}); // they look by themselves, too
  }

  private beatSoon(): void {
    this.cancelBeat ??= this.clock.schedule(this.options.lease / BEATS_PER_LEASE, () => this.beat());
  }

  private beat(): void {
    this.cancelBeat = undefined;
    if (this.isEnded) return;
    // Scheduled first: a broker that does not answer must not hold up the next one.
    if (this.broker.isShared || this.runs.size > 0) this.beatSoon();
    this.expire();
    this.renew().catch((error: unknown) => this.log.disrupted(error));
    this.recover().catch((error: unknown) => this.log.disrupted(error));
  }

  private async renew(): Promise<void> {
    const now = this.clock.now();
    const until = now + this.options.lease;
    const held = [...this.runs].filter((run) => !run.isLeaseLost);
    // Nobody has prolonged these in time, so another worker may have them: better stopped than run twice.
    for (const run of held) if (run.leaseUntil <= now) run.loseLease();
    const runs = new Map(held.filter((run) => !run.isLeaseLost).map((run) => [run.claim, run]));
    if (runs.size === 0) return;
    const { lost, cancelled } = await this.broker.renew([...runs.keys()]);
    for (const run of runs.values()) run.leaseUntil = until;
    for (const [claim, reason] of cancelled) runs.get(claim)?.cancel(reason);
    for (const claim of lost) {
      const run = runs.get(claim);
      // One that was settled meanwhile has no lease any more, and needs none.
      if (run?.isSettling === false) run.loseLease();
    }
  }

  private async recover(): Promise<void> {
    const { crashed } = await this.broker.recover();
    this.log.recovered(crashed);
    if (!this.broker.isShared) return;
    const info = this.info();
    if (info !== undefined) await this.broker.announce(info);
  }

  private expire(): void {
    const now = this.clock.now();
    for (const [key, until] of this.watched) if (until < now) this.watched.delete(key);
    for (const [id, { until }] of this.earlyCancels) if (until < now) this.earlyCancels.delete(id);
  }

  private async pause(error: unknown): Promise<void> {
    this.log.disrupted(error);
    const { promise, resolve } = createDeferred<void>();
    const timer = setTimeout(resolve, DISRUPTION_DELAY * (0.5 + Math.random()));
    const { signal } = this.stop;
    if (!signal.aborted) signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }

  private track<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work);
    const forget = (): unknown => this.pending.delete(work);
    work.then(forget, forget);
    return work;
  }
}

/** Short, since every execution that runs carries it. */
export function createWorkerId(): string {
  return `w${process.pid.toString(36)}-${randomBytes(3).toString('hex')}`;
}
