import type { RetryPolicy } from '../../task/retry-policy.js';
import type { TaskRun } from '../../task/task-parts.js';
import type { Task } from '../../task/task.js';
import { createDeferred, type Deferred } from '../../task/deferred.js';
import type { ExecutionOutcome } from '../../task/task-outcome.js';
import type { Rule, RuledRun } from '../rules/rule.js';
import { describeStrike, type Strike } from '../rules/strike.js';
import type { RunPerpetual } from './run-perpetual.js';
import { RunLogs } from './run-logs.js';
import { RunProgress } from './run-progress.js';
import { RunRetry } from './run-retry.js';
import type { Claim } from '../broker/broker.js';
import type { Limit } from '../broker/limit.js';
import type { Clock } from '../broker/clock.js';
import type { DurableTask } from '../declaration/durable-registry.js';
import { LeaseLostError } from '../broker/queue-errors.js';
import type { LoggedRun, QueueLog } from '../log/queue-log.js';
import type { ProgressRecord } from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

const NONE: readonly never[] = [];

/** Worker of a run: one object for all of them. */
export interface RunOwner {
  readonly clock: Clock;
  readonly queue: string;
  /** Number of lines that are kept with an execution. */
  readonly keptLines: number;
  readonly log: QueueLog;
  /** Shutdown has begun: no function is called any more. */
  readonly isStopping: boolean;
  writeProgress(run: ExecutionRun, progress: ProgressRecord): Promise<void>;
  /** Excuses a lost lease of a worker that lives: its task has not crashed. */
  excuse(claim: Claim): void;
  /** Tells those who watch an execution that it has changed. */
  tell(id: string): void;
}

/**
 * Phase of a run.
 *
 * - `preparing`: until its function is called.
 * - `running`: as a task of this process.
 * - `settling`: its end is being stored.
 * - `held`: given up by shutdown, under its lease until the process lets go of it. It is settled then.
 * - `lost`: another worker may have it. Nothing that it does is stored any more.
 * - `ended`: this worker is done with it.
 */
export type RunPhase = 'preparing' | 'running' | 'settling' | 'held' | 'lost' | 'ended';

/** Fields of a run as the run itself sees them, which alone writes them. */
type OwnFields = { -readonly [K in keyof ExecutionRun]: ExecutionRun[K] };

/**
 * Start of an execution in this process, with its lease, its task and its end. Others change
 * it by its transitions only.
 *
 * Made for every run, so all fields are set at once, and what few runs need is made when it is asked for.
 */
export class ExecutionRun implements TaskRun, RuledRun, LoggedRun {
  readonly claim: Claim;
  readonly name: string;
  readonly key: string;
  readonly executionId: string;
  readonly queue: string;
  readonly attempt: number;
  /** Start, in milliseconds since the epoch, like `leaseUntil`. */
  readonly startedAt: number;
  /** End of the lease, by this process's clock. */
  readonly leaseUntil: number;
  /** Call of its function, in milliseconds since the epoch: at once, where nothing had to be waited for before. */
  readonly calledAt: number;
  readonly logs: RunLogs | undefined;
  readonly phase: RunPhase = 'preparing';
  readonly durable: DurableTask | undefined = undefined;
  readonly perpetual: RunPerpetual | undefined = undefined;
  /** Limits that it has to pass before it runs. */
  readonly limits: readonly Limit[] = NONE;
  readonly outcomes: readonly ExecutionOutcome[] = NONE;
  readonly struckBy: Strike | undefined = undefined;
  readonly stoppedBy: Rule | undefined = undefined;
  readonly task: Task | undefined = undefined;
  /** Reason of a cancellation that somebody has asked for. */
  readonly cancellation: string | undefined = undefined;
  /** End that is being stored, or was to be when the lease was lost. */
  readonly settlement: Settlement | undefined = undefined;
  /** Function that nobody waits for any more. */
  readonly isGivenUp: boolean = false;

  private readonly owner: RunOwner;
  private toldProgress: RunProgress | undefined = undefined;
  private isProgressOver = false;
  private isLeft = false;
  private whenLeft: Deferred<void> | undefined = undefined;
  private hasUnwound = false;
  private whenUnwound: Deferred<void> | undefined = undefined;
  private isLast = false;
  private isRetried: boolean | undefined = undefined;
  private askedRetry: RunRetry | undefined = undefined;

  constructor(claim: Claim, owner: RunOwner, startedAt: number, leaseUntil: number) {
    const { name, key, attempt } = claim.record;
    this.claim = claim;
    this.name = name;
    this.key = key;
    this.executionId = claim.id;
    this.queue = owner.queue;
    this.attempt = attempt;
    this.owner = owner;
    this.startedAt = startedAt;
    this.calledAt = startedAt;
    this.leaseUntil = leaseUntil;
    this.logs = owner.keptLines === 0 ? undefined : new RunLogs(owner.clock, attempt, owner.keptLines);
  }

  get taskName(): string {
    return this.name;
  }

  get worker(): string {
    return this.claim.record.worker ?? '';
  }

  get dueAt(): number {
    return this.claim.record.when;
  }

  get strikeReason(): string | undefined {
    return this.struckBy && describeStrike(this.struckBy);
  }

  get isLost(): boolean {
    return this.phase === 'lost';
  }

  /** Loss of the lease or cancellation, which goes before what was decided for it. */
  get isOvertaken(): boolean {
    return this.isLost || this.cancellation !== undefined;
  }

  /** Shutdown of the worker: a function that was not called before is not called any more. */
  get isUnwanted(): boolean {
    return this.owner.isStopping;
  }

  /** Settlement to come soon: no code of the user runs any more. */
  get isEnding(): boolean {
    return !this.isLeft && (this.task === undefined || this.task.state.isFinished);
  }

  /** Resolves when it is settled, or held. */
  get left(): Promise<void> {
    this.whenLeft ??= createDeferred();
    if (this.isLeft) this.whenLeft.resolve();
    return this.whenLeft.promise;
  }

  /** Resolves when the function that was given up has ended. */
  get unwound(): Promise<void> {
    this.whenUnwound ??= createDeferred();
    if (this.hasUnwound) this.whenUnwound.resolve();
    return this.whenUnwound.promise;
  }

  get progress(): RunProgress {
    if (this.toldProgress === undefined) {
      this.toldProgress = new RunProgress(this.owner.clock, (state) => this.owner.writeProgress(this, state));
      if (this.isProgressOver) void this.toldProgress.end(); // the function goes on, though nobody waits for it
    }
    return this.toldProgress;
  }

  /** @returns what resolves when the progress that was told last is written down; nothing where none was. */
  endProgress(): Promise<void> | undefined {
    this.isProgressOver = true;
    return this.toldProgress?.end();
  }

  /** Made when somebody asks for it: nearly no run does. */
  get retry(): RunRetry {
    return (this.askedRetry ??= new RunRetry());
  }

  /** Returns when the next attempt is due, in milliseconds since the epoch: as this one has said, or by the policy. */
  retryAt(failedAt: number, policy: RetryPolicy): number {
    return this.askedRetry?.dueAfter(failedAt) ?? failedAt + policy.delayAfter(this.attempt);
  }

  willRetry(error: unknown): boolean {
    if (this.isLost) return true; // elsewhere; it has not failed for good
    return (this.isRetried ??= !this.isLast && this.isWorthRetrying(error));
  }

  /** Tells those who watch the execution that it has changed. */
  tell(): void {
    this.owner.tell(this.claim.id);
  }

  declareAs(durable: DurableTask): void {
    this.own.durable = durable;
  }

  repeatBy(perpetual: RunPerpetual): void {
    this.own.perpetual = perpetual;
  }

  limitBy(limits: readonly Limit[]): void {
    this.own.limits = limits;
  }

  /** Makes this the last attempt, however it fails. */
  forbidRetry(): void {
    this.isLast = true;
  }

  follow(outcomes: readonly ExecutionOutcome[]): void {
    this.own.outcomes = outcomes;
  }

  strikeBy(strike: Strike): void {
    this.own.struckBy = strike;
  }

  stopBy(rule: Rule): void {
    this.own.stoppedBy = rule;
  }

  runAs(task: Task): void {
    this.own.task = task;
    if (this.phase === 'preparing') this.own.phase = 'running';
  }

  cancel(reason: string): void {
    this.own.cancellation = reason;
    this.task?.cancel(reason);
  }

  giveUp(): void {
    this.own.isGivenUp = true;
  }

  unwind(): void {
    this.hasUnwound = true;
    this.whenUnwound?.resolve();
  }

  extendLease(until: number): void {
    if (until > this.leaseUntil) this.own.leaseUntil = until;
  }

  /** Loses a lease whose time is over. */
  expire(): void {
    const now = this.owner.clock.now();
    if (this.phase === 'preparing') this.own.calledAt = now; // it has waited, for a slot perhaps
    if (this.leaseUntil <= now) this.loseLease();
  }

  /** Gives the run up for good: another worker may have it. */
  loseLease(): void {
    if (this.phase === 'lost' || this.phase === 'ended') return;
    this.own.phase = 'lost';
    this.owner.log.leaseLost(this.name, this.key);
    this.owner.excuse(this.claim);
    this.task?.cancel(new LeaseLostError(this.key));
  }

  settleAs(settlement: Settlement): void {
    this.own.settlement = settlement;
    if (this.phase !== 'lost') this.own.phase = 'settling';
  }

  /** Keeps the slot for a function that goes on into the shutdown. */
  hold(): void {
    this.own.phase = 'held';
    this.leave();
  }

  end(): void {
    this.own.phase = 'ended';
    this.leave();
  }

  private get own(): OwnFields {
    return this;
  }

  private leave(): void {
    this.isLeft = true;
    this.whenLeft?.resolve();
  }

  private isWorthRetrying(error: unknown): boolean {
    try {
      return this.durable?.retry.allows(this.attempt, error) ?? false;
    } catch (retryOnError) {
      this.owner.log.retryOnFailed(this.name, this.key, retryOnError);
      return false;
    }
  }
}
