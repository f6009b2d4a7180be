import { Injectable, Logger } from '@nestjs/common';
import { TaskLog } from '../scheduler/task-log.js';
import type { Settlement } from './brokers/broker.js';
import { escapeControls } from '../task/log-text.js';
import { describeValue } from '../task/task-errors.js';
import type { LoggedCall } from './behaviours/logged-call.js';
import { describeStrike, type Strike, type StrikeTarget } from './behaviours/strike.js';
import type { ExecutionRun } from './execution-run.js';

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
  /** Perpetual runs that a strike, a cooldown or a rate limit has left out. */
  readonly skipped: number;
  /** Adds that were refused, and runs that were skipped, dropped or parked, because of a strike. */
  readonly struck: number;
  readonly cancelled: number;
  readonly dropped: number;
  readonly parked: number;
  /** Put off by a rate limit or a debounce. */
  readonly delayed: number;
  /** Handed back to the queue by shutdown, or because no task of that name is declared here. */
  readonly released: number;
  /** Runs of this process whose lease was lost. */
  readonly leasesLost: number;
  /** Runs of dead workers that this process has handed to others. */
  readonly recovered: number;
  /** Calls to the broker that failed, and were repeated. */
  readonly disruptions: number;
}

/** For how long what has been told of an unknown task is not told again, in milliseconds. */
const QUIET_TIME = 60_000;

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
    skipped: 0,
    struck: 0,
    cancelled: 0,
    dropped: 0,
    parked: 0,
    delayed: 0,
    released: 0,
    leasesLost: 0,
    recovered: 0,
    disruptions: 0,
  };

  private isDisrupted = false;
  private readonly quietUntil = new Map<string, number>();

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

  /** A run begins. */
  started(call: LoggedCall, args: readonly unknown[], { key, attempt }: ExecutionRun): void {
    this.counts.started += 1;
    if (!isShown('debug')) return;
    const which = attempt > 1 ? `, attempt ${attempt}` : '';
    this.log.write('debug', `Execution ${escapeControls(key)} starts: ${call.render(args)}${which}`);
  }

  /** How a run ended here. */
  settled(run: ExecutionRun, settlement: Settlement, now: number): void {
    const { name, key, attempt } = run;
    const execution = `Execution ${label(name, key)}`;
    switch (settlement.type) {
      case 'complete':
        this.counts.completed += 1;
        return this.completed(run, now);
      case 'fail':
        this.counts.failed += 1;
        return;
      case 'retry': {
        const delay = Math.max(0, settlement.at - now);
        this.counts.retried += 1;
        return this.log.write('log', `${execution} is tried again in ${delay} ms, after attempt ${attempt}`);
      }
      case 'reschedule': {
        this.counts.rescheduled += 1;
        if (settlement.reason !== undefined) this.counts.skipped += 1;
        if (run.struckBy !== undefined) return this.struck(name, key, run.struckBy, 'skips a run');
        if (settlement.reason !== undefined) {
          return this.log.write('debug', `${execution} skips a run: ${settlement.reason}`);
        }
        if (settlement.error !== undefined) this.counts.failed += 1;
        else if (run.task !== undefined) {
          this.counts.completed += 1;
          this.completed(run, now);
        }
        return this.log.write('debug', `${execution} runs again at ${timeText(settlement.at)}`);
      }
      case 'cancel':
        return this.cancelled(name, key, settlement.reason);
      case 'drop':
        this.counts.dropped += 1;
        if (run.struckBy !== undefined) return this.struck(name, key, run.struckBy, 'does not run');
        return this.log.write('warn', `${execution} was dropped: ${settlement.reason}`);
      case 'park':
        this.counts.parked += 1;
        if (run.struckBy !== undefined) return this.struck(name, key, run.struckBy, 'is held');
        return this.log.write('debug', `${execution} is parked: ${settlement.reason}`);
      case 'release':
        if (settlement.isUnstarted === true) {
          this.counts.delayed += 1;
          const until = timeText(settlement.at ?? now);
          return this.log.write('debug', `${execution} is put off until ${until}: ${settlement.reason}`);
        }
        this.counts.released += 1;
        // That of an unknown task has told of itself.
        if (settlement.at === undefined)
          this.log.write('log', `${execution} goes back to the queue: ${settlement.reason}`);
    }
  }

  /** A strike is on an execution that was to be added, or run. */
  struck(name: string, key: string, strike: Strike, consequence: string): void {
    this.counts.struck += 1;
    this.log.write('warn', `Execution ${label(name, key)} ${consequence}: ${escapeControls(describeStrike(strike))}`);
  }

  struckOut({ task, parameter, operator, mode, reason }: Strike): void {
    const why = reason === undefined ? '' : `: ${escapeControls(reason)}`;
    const what = mode === 'hold' ? 'are held' : 'are dropped';
    this.log.write('warn', `Executions ${targetText({ task, parameter, operator })} ${what} from now on${why}`);
  }

  restoredStrike(target: StrikeTarget): void {
    this.log.write('log', `Executions ${targetText(target)} are restored`);
  }

  unlikeStrike(task: string, parameter: string): void {
    this.log.write(
      'warn',
      `A strike on '${escapeControls(parameter)}' cannot be compared with the values that task ${escapeControls(task)} has: they are of another type, and so never struck by it.`,
    );
  }

  seeded(name: string): void {
    this.log.write('log', `Perpetual task ${escapeControls(name)} has begun by itself`);
  }

  seedStruck(name: string, strike: Strike): void {
    this.log.write(
      'debug',
      `Perpetual task ${escapeControls(name)} does not begin: ${escapeControls(describeStrike(strike))}`,
    );
  }

  private completed({ name, key, task, startedAt }: ExecutionRun, now: number): void {
    if (task === undefined || !isShown('debug')) return;
    this.log.write('debug', `Execution ${label(name, key)} completed in ${Math.max(0, now - startedAt)} ms`);
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

  /** Not more than once a minute for each task: it comes again every second. */
  unknown(name: string, key: string, delay: number): void {
    const now = performance.now();
    if (now < (this.quietUntil.get(name) ?? 0)) return;
    this.quietUntil.set(name, now + QUIET_TIME);
    this.log.write(
      'warn',
      `Execution ${label(name, key)} goes back to the queue for ${delay} ms: no task '${escapeControls(name)}' is declared in this process. A newer deploy may know it; otherwise declare it with @Durable(), or cancel it by its key.`,
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

function label(name: string, key: string): string {
  return `${escapeControls(name)} (${escapeControls(key)})`;
}

function timeText(at: number): string {
  return Number.isFinite(at) ? new Date(Math.min(at, 8.64e15)).toISOString() : 'no time';
}

function targetText({ task, parameter, operator }: Pick<StrikeTarget, 'task' | 'parameter' | 'operator'>): string {
  const whose = task === null ? 'of any task' : `of task ${escapeControls(task)}`;
  return parameter === undefined ? whose : `${whose} by ${escapeControls(parameter)} ${operator}`;
}

/** What nobody would see is not put into words: it would be half of the work of a short task. */
function isShown(level: 'debug'): boolean {
  return typeof Logger.isLevelEnabled !== 'function' || Logger.isLevelEnabled(level);
}
