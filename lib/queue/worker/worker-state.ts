import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { createDeferred } from '../../task/deferred.js';
import type { WorkerRecord } from '../client/workers.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QUEUE_OPTIONS, WORKER_ID, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { DurableRegistry } from '../declaration/durable-registry.js';
import { QueueLog } from '../log/queue-log.js';
import type { ExecutionRun } from './execution-run.js';

/** Pause before a broker is called again that has failed, in milliseconds. */
const DISRUPTION_DELAY = 500;

/** Time without an answer from which a broker counts as silent, in milliseconds: an idle worker asks every few seconds. */
const LONGEST_SILENCE = 15_000;

/** State of the worker of this process: whether it claims, and what it announces of itself. */
@Injectable()
export class WorkerState {
  private hasStarted = false;
  private hasEnded = false;
  private readonly stopping = new AbortController();
  private readonly startedAt: number;
  /** Time when the worker was last in a position to claim. */
  private readyAt = 0;
  /** Set while the broker answers. */
  private isAnswered = false;
  /** Work that shutdown waits for: a claim that may still bring a run, and what rules do after one. */
  readonly pending = new Set<Promise<unknown>>();
  /** Ends of the pauses that shutdown does not wait for. */
  private readonly pauses = new Set<() => void>();

  constructor(
    @Inject(WORKER_ID) readonly id: string,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly log: QueueLog,
  ) {
    this.startedAt = clock.now();
  }

  get isStarted(): boolean {
    return this.hasStarted;
  }

  /** Aborted when shutdown begins: nothing is claimed any more. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** End of the shutdown: nothing is stored any more. */
  get isEnded(): boolean {
    return this.hasEnded;
  }

  get isRunning(): boolean {
    return this.hasStarted && !this.signal.aborted;
  }

  /** @param isBusy no slot is free, so that the broker is not asked. @param isShared the broker may be far away. */
  isClaiming(isBusy: boolean, isShared: boolean): boolean {
    if (!this.isRunning || !this.isAnswered) return false;
    return isBusy || !isShared || this.readyAt + LONGEST_SILENCE >= this.clock.now();
  }

  start(): void {
    this.hasStarted = true;
    this.readyAt = this.clock.now(); // announced at once: others may wait for one
  }

  stop(): void {
    this.stopping.abort();
    for (const resume of this.pauses) resume();
  }

  end(): void {
    this.hasEnded = true;
  }

  /** Notes that the broker answers. */
  ready(): void {
    this.isAnswered = true;
    this.readyAt = this.clock.now();
    this.log.restored();
  }

  /** Returns the work, which shutdown waits for. */
  track<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work);
    const forget = (): unknown => this.pending.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** Waits a little after a call to the broker that has failed. */
  async pause(error: unknown): Promise<void> {
    this.isAnswered = false;
    this.log.disrupted(error);
    const { promise, resolve } = createDeferred<void>();
    const resume = (): void => resolve();
    const timer = setTimeout(resume, DISRUPTION_DELAY * (0.5 + Math.random()));
    if (!this.signal.aborted) this.pauses.add(resume);
    await promise;
    this.pauses.delete(resume);
    clearTimeout(timer);
  }

  /** Returns what the worker announces of itself; nothing while it can neither claim nor is busy. */
  info(runs: ReadonlySet<ExecutionRun>, isPaused: boolean): WorkerRecord | undefined {
    if (!this.isRunning) return undefined;
    const { concurrency, lease } = this.options;
    const now = this.clock.now();
    if (runs.size >= concurrency || isPaused) this.readyAt = now;
    if (this.readyAt + 2 * lease < now) return undefined;
    return {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      concurrency,
      running: [...runs].filter(({ phase }) => phase !== 'settling').length,
      tasks: this.registry.names,
      startedAt: this.startedAt,
      seenAt: this.readyAt,
    };
  }
}

/** Short, since every execution that runs carries it. */
export function createWorkerId(): string {
  return `w${process.pid.toString(36)}-${randomBytes(3).toString('hex')}`;
}
