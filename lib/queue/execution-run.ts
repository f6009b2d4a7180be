import type { TaskRun } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { createDeferred, type Deferred } from '../task/deferred.js';
import type { ExecutionOutcome } from '../task/task-outcome.js';
import type { Strike } from './behaviours/strike.js';
import type { RunPerpetual } from './behaviours/run-perpetual.js';
import type { RunProgress } from './behaviours/run-progress.js';
import type { Claim } from './brokers/broker.js';
import type { Gate } from './brokers/gates/gate.js';
import type { DurableTask } from './durable-registry.js';
import { LeaseLostError } from './queue-errors.js';
import type { QueueLog } from './queue-log.js';

/** One start of one execution in this process: under which lease, by which task, and what has become of it. */
export class ExecutionRun implements TaskRun {
  durable: DurableTask | undefined;
  task: Task | undefined;
  perpetual: RunPerpetual | undefined;
  outcomes: readonly ExecutionOutcome[] = [];
  /** Somebody has asked for its cancellation, and why. */
  cancellation: string | undefined;
  isLeaseLost = false;
  isSettling = false;
  /** Shutdown has begun before its function was called: it goes back to the queue. */
  isUnwanted = false;
  /** Shutdown has given it up. It stays under its lease until the process lets go of it. */
  isHeld = false;
  /** Whatever comes of it, nobody waits for the function any more. */
  isGivenUp = false;
  /** What it has to pass before it runs. */
  gates: readonly Gate[] = [];
  /** The strike that keeps it from running. */
  struckBy: Strike | undefined;
  /** It must not be started again, however it fails. */
  isLast = false;
  /** In milliseconds since the epoch, by this process's clock. */
  leaseUntil: number;

  /** Resolves when it is settled, or held. */
  ended: Promise<void> = Promise.resolve();

  #unwound: Deferred<void> | undefined;
  #hasUnwound = false;
  #willRetry: boolean | undefined;

  constructor(
    readonly claim: Claim,
    readonly progress: RunProgress,
    private readonly log: QueueLog,
    /** In milliseconds since the epoch, like `leaseUntil`. */
    readonly startedAt: number,
    leaseUntil: number,
  ) {
    this.leaseUntil = leaseUntil;
  }

  get taskName(): string {
    return this.claim.record.name;
  }

  get worker(): string {
    return this.claim.record.worker ?? '';
  }

  get key(): string {
    return this.claim.record.key;
  }

  get name(): string {
    return this.claim.record.name;
  }

  get attempt(): number {
    return this.claim.record.attempt;
  }

  /** Nothing of the user's runs any more, and so it will be settled soon. */
  get isEnding(): boolean {
    return !this.isHeld && (this.task === undefined || this.task.life.isFinished);
  }

  /** Resolves when the function that was given up has ended. */
  get unwound(): Promise<void> {
    this.#unwound ??= createDeferred();
    if (this.#hasUnwound) this.#unwound.resolve();
    return this.#unwound.promise;
  }

  willRetry(error: unknown): boolean {
    if (this.isLeaseLost) return true; // elsewhere; it has not failed for good
    return (this.#willRetry ??= !this.isLast && this.#isWorthRetrying(error));
  }

  giveUp(): void {
    this.isGivenUp = true;
  }

  unwind(): void {
    this.#hasUnwound = true;
    this.#unwound?.resolve();
  }

  cancel(reason: string): void {
    this.cancellation = reason;
    this.task?.cancel(reason);
  }

  loseLease(): void {
    if (this.isLeaseLost) return;
    this.isLeaseLost = true;
    this.log.leaseLost(this.name, this.key);
    this.task?.cancel(new LeaseLostError(this.key));
  }

  #isWorthRetrying(error: unknown): boolean {
    try {
      return this.durable?.retry.allows(this.attempt, error) ?? false;
    } catch (retryOnError) {
      this.log.retryOnFailed(this.name, this.key, retryOnError);
      return false;
    }
  }
}
