import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { TasksShutdown, type TaskIntake } from '../scheduler/tasks-shutdown.js';
import { createDeferred } from '../task/deferred.js';
import { describeValue } from '../task/task-errors.js';
import { RunProgress } from './behaviours/run-progress.js';
import { Upkeep } from './behaviours/upkeep.js';
import { BROKER, type Broker, type Claim, type Settlement, type Signal, type WorkerInfo } from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { DurableRegistry } from './durable-registry.js';
import { ExecutionRun } from './execution-run.js';
import { Executions } from './executions.js';
import { ExpiringMap } from './expiring-map.js';
import { LeaseKeeper } from './lease-keeper.js';
import { ExecutionRunner } from './execution-runner.js';
import { BrokerUnavailableError, LeaseLostError } from './queue-errors.js';
import { QueueLog } from './queue-log.js';
import { StartLimits } from './start-limits.js';
import { QUEUE_OPTIONS, WORKER_ID, type ResolvedQueueOptions } from './queue-options.js';

/** How long a worker tells of an execution that somebody watches; who does asks again before. */
const WATCH_TIME = 10_000;
/** What a worker waits before it calls a broker again that has failed. */
const DISRUPTION_DELAY = 500;

/** So many settlements may each begin the next execution before the event loop has its turn. */
const MAX_STREAK = 50;
/** What a signal to cancel is remembered for when its execution is not known here: its claim may be on the way. */
const EARLY_CANCEL_TIME = 10_000;

/** Claims executions as long as there are free slots, runs them, and settles them. */
@Injectable()
export class QueueWorker implements OnApplicationBootstrap, TaskIntake {
  readonly runs = new Set<ExecutionRun>();
  /** Claims that may still bring a run. */
  private readonly pending = new Set<Promise<unknown>>();
  readonly limits = new StartLimits();
  private readonly leases: LeaseKeeper;
  private readonly watched: ExpiringMap<string, true>;
  private readonly earlyCancels: ExpiringMap<string, string>;
  private readonly startedAt: number;
  private readonly stop = new AbortController();
  /** For how long shutdown still waits for the broker, in milliseconds. */
  private patience: number;
  /** How many executions have followed each other in their slots. */
  private streak = 0;
  private isStarted = false;
  private isEnded = false;
  private slotFreed: (() => void) | undefined;
  /** When the worker was last in a position to claim. */
  private readyAt = 0;

  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(WORKER_ID) readonly id: string,
    private readonly runner: ExecutionRunner,
    private readonly upkeep: Upkeep,
    private readonly executions: Executions,
    private readonly registry: DurableRegistry,
    private readonly log: QueueLog,
    shutdown: TasksShutdown,
  ) {
    this.startedAt = clock.now();
    this.patience = options.lease;
    this.leases = new LeaseKeeper(this, broker, clock, options.lease, log, () => upkeep.sweep());
    this.watched = new ExpiringMap(clock, WATCH_TIME);
    this.earlyCancels = new ExpiringMap(clock, EARLY_CANCEL_TIME);
    shutdown.addIntake(this);
  }

  /** Our hooks run last, so everything that a task may need is ready. */
  async onApplicationBootstrap(): Promise<void> {
    const hasTasks = this.registry.ownNames.length > 0;
    if (!this.broker.isShared && hasTasks && process.env['NODE_ENV'] === 'production') this.log.volatile();
    await this.connect();
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
      running: [...this.runs].filter((run) => !run.isSettling).length,
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
    this.leases.start();
    this.upkeep.start();
  }

  close(): void {
    this.stop.abort();
    // Shutdown knows of tasks alone, and these are none yet.
    for (const run of this.runs) if (run.task === undefined) run.isUnwanted = true;
    this.slotFreed?.();
  }

  async settled(): Promise<void> {
    while (this.unsettled().length > 0) {
      if (!(await this.drained(Promise.allSettled(this.unsettled())))) return;
    }
  }

  /** What was given up goes back to the queue now: until here, its function might still have come to an end. */
  async end(): Promise<void> {
    const left = [...this.runs].filter((run) => run.isHeld && !run.isLeaseLost);
    await this.drained(
      Promise.all(left.map((run) => this.settle(run, { type: 'release', reason: 'shutdown' }, false))),
    );
    this.isEnded = true;
    this.leases.stop();
    this.upkeep.close();
    this.executions.close();
    if (this.isStarted) await this.broker.leave(this.id).catch(() => {}); // it is forgotten in time anyway
    await this.broker.close();
  }

  /**
   * Waits for the broker in shutdown, and over all its phases no longer than a lease: after that, others have the
   * executions anyway.
   *
   * @returns false when the time is over.
   */
  private async drained(work: Promise<unknown>): Promise<boolean> {
    const since = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, this.patience, false);
    });
    const isDone = await Promise.race([work.then(() => true), limit]);
    clearTimeout(timer);
    this.patience = Math.max(0, this.patience - (performance.now() - since));
    return isDone;
  }

  /** An application may start before its broker does; wrong options stop it. */
  private async connect(): Promise<void> {
    try {
      await this.broker.connect();
    } catch (error) {
      if (!(error instanceof BrokerUnavailableError)) throw error;
      this.log.disrupted(error);
    }
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
    if (signal.type === 'watch') {
      this.watched.set(signal.key, true);
    } else if (signal.type === 'cancel') {
      const run = [...this.runs].find(({ claim }) => claim.id === signal.id);
      if (run !== undefined) run.cancel(signal.reason);
      else this.earlyCancels.set(signal.id, signal.reason);
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
        await this.upkeep.prepare();
        if (signal.aborted) return;
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
    const now = this.clock.now();
    const progress = new RunProgress(this.clock, async (state) => {
      if (run.isLeaseLost) return;
      await this.broker.setProgress(claim, state);
      this.tell(run);
    });
    const run = new ExecutionRun(claim, progress, this.log, now, now + this.options.lease);
    this.runs.add(run);
    this.leases.wake();
    if (this.stop.signal.aborted) {
      run.ended = this.conclude(run, { type: 'release', reason: 'shutdown' });
      return;
    }
    const early = this.earlyCancels.get(claim.id);
    if (early !== undefined) run.cancel(early);
    const refusal = this.limits.refuse(claim);
    if (refusal !== undefined) run.cancel(refusal);
    this.tell(run);
    run.ended = this.execute(run);
  }

  private async execute(run: ExecutionRun): Promise<void> {
    const settlement = await this.runner.run(run).catch((error: unknown) => this.handBack(run, error));
    if (settlement !== undefined || run.isLeaseLost) return this.conclude(run, settlement);
    run.isHeld = true;
  }

  /** Not its function has failed, but something before it, such as a module that was loaded since. */
  private handBack(run: ExecutionRun, error: unknown): Settlement {
    this.log.unrunnable(run.name, run.key, error);
    const { lease } = this.options;
    return { type: 'release', at: this.clock.now() + lease, reason: `it could not be run: ${describeValue(error)}` };
  }

  private async conclude(run: ExecutionRun, settlement: Settlement | undefined): Promise<void> {
    const wanted = settlement && heedCancellation(run, settlement);
    const final = wanted && this.limits.apply(run.claim, wanted);
    const next = final && (await this.settle(run, final, !this.stop.signal.aborted));
    if (next === undefined) {
      this.runs.delete(run);
      this.slotFreed?.();
      return;
    }
    // A broker in memory answers at once: a long queue of short tasks would leave no time for anything else.
    this.streak += 1;
    if (this.streak % MAX_STREAK === 0) await setImmediate();
    this.runs.delete(run);
    this.begin(next);
  }

  /** Again and again while the broker is down: as long as nobody else has it, the lease may still be ours. */
  private async settle(run: ExecutionRun, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    run.isSettling = true;
    const now = this.clock.now();
    while (!this.isEnded) {
      try {
        const next = await this.broker.settle(run.claim, settlement, claimNext);
        this.log.settled(run, settlement, now);
        this.tell(run);
        const followed = this.upkeep.follow(run, settlement);
        // Whatever fails here, the next sweep of some worker makes good.
        if (followed !== undefined) this.track(followed).catch((error: unknown) => this.log.disrupted(error));
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

  /** Those who watch the execution. */
  private tell({ key }: ExecutionRun): void {
    if (this.watched.get(key) === true) this.broker.publish({ type: 'changed', key }).catch(() => {}); // they look by themselves, too
  }

  private async pause(error: unknown): Promise<void> {
    this.log.disrupted(error);
    const { promise, resolve } = createDeferred<void>();
    const timer = setTimeout(resolve, DISRUPTION_DELAY * (0.5 + Math.random()));
    const { signal } = this.stop;
    const wake = (): void => resolve();
    if (!signal.aborted) signal.addEventListener('abort', wake);
    await promise;
    signal.removeEventListener('abort', wake);
    clearTimeout(timer);
  }

  private track<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work);
    const forget = (): unknown => this.pending.delete(work);
    work.then(forget, forget);
    return work;
  }
}

/** What has not begun, and was cancelled while it was being put off, is not put off. */
function heedCancellation({ cancellation }: ExecutionRun, settlement: Settlement): Settlement {
  const isPutOff = settlement.type === 'park' || (settlement.type === 'release' && settlement.isUnstarted === true);
  return isPutOff && cancellation !== undefined ? { type: 'cancel', reason: cancellation } : settlement;
}

/** Short, since every execution that runs carries it. */
export function createWorkerId(): string {
  return `w${process.pid.toString(36)}-${randomBytes(3).toString('hex')}`;
}
