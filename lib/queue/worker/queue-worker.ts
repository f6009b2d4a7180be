import { types } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker, type Claim } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { REASONS } from '../broker/reasons.js';
import { Workers, type WorkerRecord } from '../client/workers.js';
import { QueueLog } from '../log/queue-log.js';
import { Pause } from '../rules/pause.js';
import { Rules } from '../rules/rules.js';
import { ExecutionRun, type RunOwner } from './execution-run.js';
import { OutboxRelay } from './relay/outbox-relay.js';
import { RunExecutor } from './run-executor.js';
import { LeaseKeeper } from './lease-keeper.js';
import { LogKeeper } from './log-keeper.js';
import { RELEASE, RunSettler, type Ending } from './run-settler.js';
import type { StartCaps } from './start-caps.js';
import { WorkerSignals } from './worker-signals.js';
import { WorkerState } from './worker-state.js';
import type { ProgressRecord } from '../broker/record.js';

/** Claims executions as long as there are free slots, runs them, and settles them. */
@Injectable()
export class QueueWorker implements RunOwner {
  readonly runs = new Set<ExecutionRun>();
  readonly limits: StartCaps;
  private readonly leases: LeaseKeeper;
  private readonly signals: WorkerSignals;
  private slotFreed: (() => void) | undefined;

  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) readonly clock: Clock,
    private readonly runner: RunExecutor,
    private readonly settler: RunSettler,
    private readonly rules: Rules,
    private readonly pause: Pause,
    private readonly state: WorkerState,
    private readonly workers: Workers,
    private readonly logKeeper: LogKeeper,
    private readonly relay: OutboxRelay,
    readonly log: QueueLog,
  ) {
    this.limits = settler.limits;
    this.leases = new LeaseKeeper(this, broker, workers, clock, options.lease, log, () => rules.sweep());
    this.signals = new WorkerSignals(broker, state, clock, (id) => this.cancel(id));
  }

  get queue(): string {
    return this.options.name;
  }

  get keptLines(): number {
    return this.options.logs;
  }

  get isStarted(): boolean {
    return this.state.isStarted;
  }

  get isRunning(): boolean {
    return this.state.isRunning;
  }

  /** Tells a worker that waits for the end of a pause from one that looks for work. */
  get isPaused(): boolean {
    return this.pause.isOn;
  }

  /** Tells whether executions that come due are started here, as soon as there is a free slot. */
  get isClaiming(): boolean {
    const isBusy = this.runs.size >= this.options.concurrency;
    return !this.pause.isOn && this.state.isClaiming(isBusy, this.broker.isShared);
  }

  get isStopping(): boolean {
    return this.state.signal.aborted;
  }

  /** Returns what the worker announces of itself; nothing while it can neither claim nor is busy. */
  info(): WorkerRecord | undefined {
    return this.state.info(this.runs, this.pause.isOn);
  }

  start(): void {
    if (this.state.isStarted) return;
    this.state.start();
    void this.signals.listen();
    void this.claimUntilStopped();
    this.leases.start();
    this.relay.start();
  }

  private async claimUntilStopped(): Promise<void> {
    const { signal } = this.state;
    while (!signal.aborted) {
      try {
        if (this.runs.size >= this.options.concurrency) {
          await this.freeSlot();
          continue;
        }
        await this.rules.prepare();
        if (this.pause.isOn) await this.pause.ended(signal);
        if (signal.aborted) return;
        const hasClaimed = await this.state.track(this.claimOne());
        this.state.ready();
        if (!hasClaimed && !signal.aborted) await this.broker.runs.waitForWork(signal);
      } catch (error) {
        await this.state.pause(error);
      }
    }
  }

  private async claimOne(): Promise<boolean> {
    const asked = this.clock.now();
    const claim = await this.broker.runs.claim();
    if (claim !== undefined) void this.occupy(claim, asked);
    return claim !== undefined;
  }

  /**
   * Occupies a slot: with an execution, and then with what each settlement has claimed next. Whatever goes wrong after a
   * claim, its slot is free again, and the worker goes on.
   *
   * @param firstAsked when the claim was asked for: its lease lasts from then on at the least.
   */
  private async occupy(first: Claim, firstAsked: number): Promise<void> {
    let asked = firstAsked;
    for (let claim: Claim | undefined = first; claim !== undefined;) {
      const run = this.begin(claim, asked);
      claim = undefined;
      try {
        const start = this.startRun(run);
        let ending = types.isPromise(start) ? await start : start;
        if (run.task !== undefined) {
          const end = this.settler.endingOf(run, await run.task.state.done);
          ending = types.isPromise(end) ? await end : end;
        }
        asked = this.clock.now();
        if (ending !== undefined) {
          const settlement = this.settler.decide(run, ending);
          const foretold = this.settler.beforeSettlement(run, settlement);
          if (foretold !== undefined) await foretold;
          // Awaited just like the first claim, so that executions start in the order of their claims.
          claim = await this.broker.runs.settle(run.claim, settlement, this.mayClaim);
          this.settler.noteSettled(run, settlement, asked);
        } else if (!run.isLost) return run.hold();
      } catch (error) {
        claim = await this.settler.recover(run, error);
      }
      run.end();
      this.runs.delete(run);
    }
    this.slotFreed?.();
  }

  private begin(claim: Claim, asked: number): ExecutionRun {
    const run = new ExecutionRun(claim, this, this.clock.now(), asked + this.options.lease);
    this.runs.add(run);
    this.leases.wake();
    return run;
  }

  /** Starts the run. Returns how it is settled instead, where it must not start. */
  private startRun(run: ExecutionRun): Ending | Promise<Ending> {
    const { claim, startedAt } = run;
    if (this.isStopping) return RELEASE;
    if (run.leaseUntil <= startedAt)
      return { type: 'release', at: startedAt, reason: REASONS.lateClaim(), isUnstarted: true };
    const refusal = this.limits.refuse(claim);
    if (refusal !== undefined) run.cancel(refusal);
    run.tell();
    if (!this.signals.takeCancel(claim.id)) return this.runner.start(run);
    return this.leases.confirm(run).then(() => this.runner.start(run));
  }

  private get mayClaim(): boolean {
    return !this.isStopping && !this.pause.isOn;
  }

  /** Resolves when a run has left its slot, or the worker stops. */
  private freeSlot(): Promise<void> {
    return new Promise((resolve) => (this.slotFreed = resolve));
  }

  private cancel(id: string): boolean {
    for (const run of this.runs) {
      if (run.claim.id !== id) continue;
      void this.leases.confirm(run);
      return true;
    }
    return false;
  }

  /** Claims no more. Runs go on whose function was called. */
  stop(): void {
    this.state.stop();
    void this.state.track(this.relay.stop());
    this.slotFreed?.();
  }

  /** Returns the work that is left until the end of every task that has ended is stored. */
  unsettled(): Promise<unknown>[] {
    const ending = [...this.runs].filter((run) => run.isEnding);
    return [...this.state.pending, ...ending.map((run) => run.left)];
  }

  /** Hands executions back that shutdown has given up: until now, their functions might still have ended. */
  async handBack(): Promise<void> {
    const held = [...this.runs].filter(({ phase }) => phase === 'held');
    await Promise.all(held.map((run) => this.settler.settle(run, this.settler.decide(run, RELEASE))));
  }

  /** Stores nothing any more. */
  end(): void {
    this.state.end();
    this.leases.stop();
  }

  /** Takes the worker off the list of the fleet. */
  async leave(): Promise<void> {
    if (this.isStarted) await this.relay.end();
    if (this.isStarted) await this.workers.leave(this.state.id).catch(() => {}); // it is forgotten in time anyway
  }

  async writeProgress(run: ExecutionRun, progress: ProgressRecord): Promise<void> {
    if (run.isLost) return;
    await Promise.all([this.broker.runs.setProgress(run.claim, progress), this.logKeeper.keep(run)]);
    run.tell();
  }

  excuse(claim: Claim): void {
    void this.broker.runs.excuse(claim).catch(() => {}); // at worst it counts as a crash
  }

  tell(id: string): void {
    this.signals.tell(id);
  }
}
