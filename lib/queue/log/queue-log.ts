import { Injectable } from '@nestjs/common';
import { TaskLog } from '../../scheduler/task-log.js';
import type { BrokerLog } from '../broker/broker.js';
import { messageOf } from '../../task/error-text.js';
import { labelText } from '../../task/log-text.js';
import { RecentLines } from './recent-lines.js';
import { isShown } from './shown-level.js';
import { NO_COUNTS, type QueueCounts } from './queue-counts.js';
import type { Settlement } from '../broker/settlement.js';

/** A run, as lines tell of it. */
export interface LoggedRun {
  readonly name: string;
  readonly key: string;
  readonly attempt: number;
  /** In milliseconds since the epoch. */
  readonly startedAt: number;
  /** `undefined` where its function was not called. */
  readonly task: object | undefined;
  /** Strike that keeps it from running, as a reason. */
  readonly strikeReason: string | undefined;
}

/** A strike, as lines tell of it. */
interface LoggedStrike {
  /** `null`: any. */
  readonly task: string | null;
  readonly parameter?: string | undefined;
  readonly operator?: string | undefined;
}

type Rescheduled = Extract<Settlement, { type: 'reschedule' }>;

/** What each settlement counts as. */
const COUNTED: Readonly<Record<Settlement['type'], keyof QueueCounts>> = {
  complete: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
  drop: 'dropped',
  retry: 'retried',
  reschedule: 'rescheduled',
  release: 'released',
  park: 'parked',
};

function countOf(settlement: Settlement): keyof QueueCounts {
  const isPutOff = settlement.type === 'release' && settlement.isUnstarted === true;
  return isPutOff ? 'delayed' : COUNTED[settlement.type];
}

/** What becomes of an execution by a strike, by how its run ends. */
const STRUCK: Readonly<Partial<Record<Settlement['type'], string>>> = {
  reschedule: 'skips a run',
  drop: 'does not run',
  park: 'is held',
};

/** How many unknown tasks are named in a minute. */
const MAX_UNKNOWN = 20;
/** Stands for all others. It is the name of no task. */
const OTHERS = '';

/** What the queue tells in log lines, and counts. Never arguments: they hold what users typed. */
@Injectable()
export class QueueLog implements BrokerLog {
  readonly counts: { -readonly [K in keyof QueueCounts]: number } = { ...NO_COUNTS };

  private isDisrupted = false;
  private readonly recent = new RecentLines();

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

  started(
    call: { render(args: readonly unknown[]): string },
    args: readonly unknown[],
    { key, attempt }: Pick<LoggedRun, 'key' | 'attempt'>,
  ): void {
    this.counts.started += 1;
    if (!isShown('debug')) return;
    const which = attempt > 1 ? `, attempt ${attempt}` : '';
    this.log.write('debug', `Execution ${labelText(key)} starts: ${call.render(args)}${which}`);
  }

  /** Counts how a run ended here, and tells of it. */
  settled(run: LoggedRun, settlement: Settlement, now: number): void {
    this.counts[countOf(settlement)] += 1;
    // Nearly all do, and texts are half of the work of a short task: none is made unless it is shown.
    if (settlement.type === 'complete') return this.completed(run, now);
    if (settlement.type === 'reschedule') this.endedInChain(run, settlement, now);
    const consequence = STRUCK[settlement.type];
    if (consequence === undefined || run.strikeReason === undefined) return this.wentOn(run, settlement, now);
    this.struck(run.name, run.key, run.strikeReason, consequence);
  }

  /** Counts how a run ended that another one follows. */
  private endedInChain(run: LoggedRun, { reason, error }: Rescheduled, now: number): void {
    if (reason !== undefined) this.counts.skipped += 1;
    else if (error !== undefined) this.counts.failed += 1;
    else if (run.task !== undefined) {
      this.counts.completed += 1;
      this.completed(run, now);
    }
  }

  private wentOn({ name, key, attempt }: LoggedRun, settlement: Settlement, now: number): void {
    const execution = `Execution ${label(name, key)}`;
    switch (settlement.type) {
      case 'retry': {
        const delay = Math.max(0, settlement.at - now);
        return this.log.write('log', `${execution} is tried again in ${delay} ms, after attempt ${attempt}`);
      }
      case 'reschedule': {
        const { at, reason } = settlement;
        const what = reason === undefined ? `runs again at ${timeText(at)}` : `skips a run: ${reason}`;
        return this.log.write('debug', `${execution} ${what}`);
      }
      case 'cancel':
        return this.log.write('log', `${execution} was cancelled: ${settlement.reason}`);
      case 'drop':
        return this.log.write('warn', `${execution} was dropped: ${settlement.reason}`);
      case 'park':
        return this.log.write('debug', `${execution} is parked: ${settlement.reason}`);
      case 'release': {
        const { at, reason, isUnstarted } = settlement;
        if (isUnstarted === true) {
          this.log.write('debug', `${execution} is put off until ${timeText(at ?? now)}: ${reason}`);
          // That of an unknown task has told of itself.
        } else if (at === undefined) this.log.write('log', `${execution} goes back to the queue: ${reason}`);
      }
    }
  }

  /** A strike is on an execution that was to be added, or run. */
  struck(name: string, key: string, reason: string, consequence: string): void {
    this.counts.struck += 1;
    this.log.write('warn', `Execution ${label(name, key)} ${consequence}: ${reason}`);
  }

  struckOut(strike: LoggedStrike & { readonly mode: 'drop' | 'hold'; readonly reason?: string | undefined }): void {
    const { mode, reason } = strike;
    const why = reason === undefined ? '' : `: ${reason}`;
    const what = mode === 'hold' ? 'are held' : 'are dropped';
    this.log.write('warn', `ExecutionHandles ${targetText(strike)} ${what} from now on${why}`);
  }

  restoredStrike(target: LoggedStrike): void {
    this.log.write('log', `ExecutionHandles ${targetText(target)} are restored`);
  }

  paused(reason: string | undefined): void {
    this.log.write('warn', reason === undefined ? 'Queue paused' : `Queue paused: ${reason}`);
  }

  resumed(): void {
    this.log.write('log', 'Queue resumed');
  }

  unlikeStrike(task: string, parameter: string): void {
    this.log.write(
      'warn',
      `A strike on '${labelText(parameter)}' cannot be compared with the values that task ${labelText(task)} has: they are of another type, and so never struck by it.`,
    );
  }

  seeded(name: string): void {
    this.log.write('log', `Perpetual task ${labelText(name)} has begun by itself`);
  }

  /** The schedule of an automatic task has changed. */
  retimed(name: string, from: number, to: number, schedule: string): void {
    this.counts.retimed += 1;
    const change =
      from === to
        ? `runs next at ${timeText(to)}, which its last run has chosen, and then by a new schedule`
        : `runs next at ${timeText(to)} instead of ${timeText(from)}, by a new schedule`;
    this.log.write('log', `Perpetual task ${labelText(name)} ${change}: ${labelText(schedule)}`);
  }

  seedStruck(name: string, reason: string): void {
    this.log.write('debug', `Perpetual task ${labelText(name)} does not begin: ${reason}`);
  }

  seedSpent(name: string, schedule: string): void {
    this.log.write(
      'log',
      `Perpetual task ${labelText(name)} does not begin: no time is left in ${labelText(schedule)}`,
    );
  }

  private completed({ name, key, task, startedAt }: LoggedRun, now: number): void {
    if (task === undefined || !isShown('debug')) return;
    this.log.write('debug', `Execution ${label(name, key)} completed in ${Math.max(0, now - startedAt)} ms`);
  }

  neverCalled(call: string, name: string): void {
    this.log.write(
      'warn',
      `${call}() of task ${labelText(name)} was not given the task's arguments, so nothing was added. Call its result: ${call}(task, options)(…). This task is not named again.`,
    );
  }

  methodsLost(name: string, at: number, type: string, methods: readonly string[]): void {
    const named = methods.map((method) => `${labelText(method)}()`).join(', ');
    this.log.write(
      'warn',
      `args[${at}] of task ${labelText(name)} is an instance of ${labelText(type)}, and arrives as a plain object without ${named}. Pass an id, or plain data. This class is not named again.`,
    );
  }

  retryOnFailed(name: string, key: string, error: unknown): void {
    this.log.write(
      'error',
      `The retryOn of execution ${label(name, key)} failed, so it is not tried again: ${messageOf(error)}`,
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

  /** Not more than once a minute for each task, since it comes again every second, and not for more than a few tasks. */
  unknown(name: string, key: string, delay: number): void {
    const isNamed = this.recent.has(name) || this.recent.size < MAX_UNKNOWN;
    const subject = isNamed ? name : OTHERS;
    if (this.recent.isRepeated(subject)) return;
    this.log.write(
      'warn',
      subject === OTHERS
        ? `More than ${MAX_UNKNOWN} task names in the queue are declared by no task in this process: their executions go back to the queue, and no further names are listed for a minute.`
        : `Execution ${label(name, key)} goes back to the queue for ${delay} ms: no task '${labelText(name)}' is declared in this process. A newer deploy may know it; otherwise declare it with @Durable(), or cancel it by its key.`,
    );
  }

  unrunnable(name: string, key: string, error: unknown): void {
    this.log.write(
      'error',
      `Execution ${label(name, key)} could not be run, and goes back to the queue: ${messageOf(error)}`,
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

  unreadable(what: string): void {
    if (this.recent.isRepeated(`unreadable ${what}`)) return;
    this.counts.unreadable += 1;
    this.log.write('warn', `Stored ${labelText(what)} cannot be read: it is damaged, or written by something else.`);
  }

  signalRefused(): void {
    this.counts.signalsRefused += 1;
    if (this.recent.isRepeated('signals')) return;
    this.log.write(
      'warn',
      `A message on the queue's channel is no signal and was ignored (${this.counts.signalsRefused} so far). Check who may publish there.`,
    );
  }

  /** Once for each outage: the calls are repeated every second. */
  disrupted(error: unknown): void {
    this.counts.disruptions += 1;
    if (this.isDisrupted) return;
    this.isDisrupted = true;
    this.log.write('warn', `The queue's broker does not answer, and is tried again: ${messageOf(error)}`);
  }

  restored(): void {
    if (!this.isDisrupted) return;
    this.isDisrupted = false;
    this.log.write('log', `The queue's broker answers again`);
  }
}

function label(name: string, key: string): string {
  return `${labelText(name)} (${labelText(key)})`;
}

function timeText(at: number): string {
  return Number.isFinite(at) ? new Date(Math.min(at, 8.64e15)).toISOString() : 'no time';
}

function targetText({ task, parameter, operator }: LoggedStrike): string {
  const whose = task === null ? 'of any task' : `of task ${labelText(task)}`;
  return parameter === undefined ? whose : `${whose} by ${labelText(parameter)} ${operator}`;
}
