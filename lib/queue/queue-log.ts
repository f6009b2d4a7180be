import { Injectable } from '@nestjs/common';
import { TaskLog } from '../scheduler/task-log.js';
import type { Settlement } from './brokers/broker.js';
import { describeValue } from '../task/task-errors.js';

/**
 * How often each thing has happened in this process since the application started.
 *
 * @publicApi
 */
export interface QueueCounts {
  /** Executions that `add()` recorded. */
  readonly added: number;
  /** Calls of `add()` that found their key taken. */
  readonly alreadyScheduled: number;
  readonly replaced: number;
  /** Runs that were started here. */
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  /** Attempts that failed and were followed by another. */
  readonly retried: number;
  /** Re-scheduled as a new run. */
  readonly rescheduled: number;
  readonly cancelled: number;
  readonly dropped: number;
  readonly parked: number;
  /** Handed back to the queue by shutdown, or because no task of that name is declared here. */
  readonly released: number;
  /** Runs of this process whose lease was lost. */
  readonly leasesLost: number;
  /** Runs of dead workers that this process has handed to others. */
  readonly recovered: number;
  /** Calls to the broker that failed, and were repeated. */
  readonly disruptions: number;
}

/** What the queue tells in log lines, and counts. Never arguments: they hold what users typed. */
@Injectable()
export class QueueLog {
  readonly counts: { -readonly [K in keyof QueueCounts]: number } = {
    added: 0,
    alreadyScheduled: 0,
    replaced: 0,
    started: 0,
    completed: 0,
    failed: 0,
    retried: 0,
    rescheduled: 0,
    cancelled: 0,
    dropped: 0,
    parked: 0,
    released: 0,
    leasesLost: 0,
    recovered: 0,
    disruptions: 0,
  };

  private isDisrupted = false;

  constructor(private readonly log: TaskLog) {}

  volatile(): void {
    this.log.write(
      'warn',
      'Durable tasks are kept in memory: what is not done when this process ends is lost. Set queue.url to redis://… or postgres://… in TasksModule.forRoot().',
    );
  }

  idleWorker(): void {
    this.log.write('log', 'No durable task is declared in this process, so it only adds to the queue');
  }

  /** How a run ended here. */
  settled(
    { name, key, attempt }: { name: string; key: string; attempt: number },
    settlement: Settlement,
    now: number,
  ): void {
    const execution = `Execution ${label(name, key)}`;
    switch (settlement.type) {
      case 'complete':
        this.counts.completed += 1;
        return;
      case 'fail':
        this.counts.failed += 1;
        return;
      case 'retry': {
        const delay = Math.max(0, settlement.at - now);
        this.counts.retried += 1;
        return this.log.write('log', `${execution} is tried again in ${delay} ms, after attempt ${attempt}`);
      }
      case 'reschedule':
        this.counts.rescheduled += 1;
        return this.log.write('debug', `${execution} runs again at ${new Date(settlement.at).toISOString()}`);
      case 'cancel':
        return this.cancelled(name, key, settlement.reason);
      case 'drop':
        this.counts.dropped += 1;
        return this.log.write('warn', `${execution} was dropped: ${settlement.reason}`);
      case 'park':
        this.counts.parked += 1;
        return this.log.write('debug', `${execution} is parked: ${settlement.reason}`);
      case 'release':
        this.counts.released += 1;
        // That of an unknown task has told of itself.
        if (settlement.at === undefined)
          this.log.write('log', `${execution} goes back to the queue: ${settlement.reason}`);
    }
  }

  retryOnFailed(name: string, key: string, error: unknown): void {
    this.log.write(
      'error',
      `The retryOn of execution ${label(name, key)} failed, so it is not tried again: ${describeValue(error)}`,
    );
  }

  cancelled(name: string, key: string, reason: string): void {
    this.counts.cancelled += 1;
    this.log.write('log', `Execution ${label(name, key)} was cancelled: ${reason}`);
  }

  cleared(count: number): void {
    this.counts.cancelled += count;
    this.log.write('log', `${count} execution${count === 1 ? ' was' : 's were'} cleared from the queue`);
  }

  unknown(name: string, key: string, delay: number): void {
    this.log.write(
      'warn',
      `Execution ${label(name, key)} goes back to the queue for ${delay} ms: no task '${escape(name)}' is declared in this process. A newer deploy may know it; otherwise declare it with @Durable(), or cancel it by its key.`,
    );
  }

  unrunnable(name: string, key: string, error: unknown): void {
    this.log.write(
      'error',
      `Execution ${label(name, key)} could not be run, and goes back to the queue: ${describeValue(error)}`,
    );
  }

  overlapping(name: string, key: string, gracePeriod: number): void {
    this.log.write(
      'warn',
      `Execution ${label(name, key)} ran out of time and did not stop within ${gracePeriod} ms after its signal was aborted. Its next attempt may overlap with it.`,
    );
  }

  leaseLost(name: string, key: string): void {
    this.counts.leasesLost += 1;
    this.log.write(
      'warn',
      `Execution ${label(name, key)} has lost its lease, and what this run did is not recorded: another worker may run it. A task that blocks the event loop for longer than worker.lease loses its lease.`,
    );
  }

  recovered(count: number): void {
    if (count === 0) return;
    this.counts.recovered += count;
    this.log.write(
      'warn',
      `${count} execution${count === 1 ? '' : 's'} of workers that gave no sign of life went back to the queue`,
    );
  }

  /** Once for each outage: the calls are repeated every second. */
  disrupted(error: unknown): void {
    this.counts.disruptions += 1;
    if (this.isDisrupted) return;
    this.isDisrupted = true;
    this.log.write('warn', `The queue's broker does not answer, and is tried again: ${describeValue(error)}`);
  }

  restored(): void {
    if (!this.isDisrupted) return;
    this.isDisrupted = false;
    this.log.write('log', `The queue's broker answers again`);
  }
}

/** Control characters are escaped: keys are often built from user input, and a line break would forge a log line. */
function escape(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function label(name: string, key: string): string {
  return `${escape(name)} (${escape(key)})`;
}
