import { Inject, Injectable } from '@nestjs/common';
import { TaskLog } from '../../scheduler/task-log.js';
import type { BrokerLog } from '../broker/broker.js';
import { CLOCK, systemClock, type Clock } from '../broker/clock.js';
import { countText, durationText } from '../broker/duration-text.js';
import { messageOf } from '../../task/error-text.js';
import { labelText } from '../../task/log-text.js';
import { label, targetText, timeText, type LoggedStrike } from './log-texts.js';
import { RecentLines } from './recent-lines.js';
import { LINES, type Consequence } from './log-lines.js';
import { countOf, outcomeOf } from './settlement-counts.js';
import { isShown } from './shown-level.js';
import { NO_COUNTS, type QueueCounts } from './queue-counts.js';
import { RunTallies, type CountedStart } from './run-tallies.js';
import type { Settlement } from '../broker/settlement.js';

/** Run, as log lines name it. */
export interface LoggedRun extends CountedStart {
  readonly key: string;
  readonly attempt: number;
  /** Start, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** `undefined` where the function was not called. */
  readonly task: object | undefined;
  /** Strike that keeps the execution from running, as a reason. */
  readonly strikeReason: string | undefined;
}

type Rescheduled = Extract<Settlement, { type: 'reschedule' }>;

/** Effect of a strike, by the settlement of the run. */
const STRUCK: Readonly<Partial<Record<Settlement['type'], Consequence>>> = {
  reschedule: 'skips a run',
  drop: 'does not run',
  park: 'is held',
};

/** Number of unknown tasks that are named in a minute. */
const MAX_UNKNOWN = 20;
/** Stands for all further unknown tasks. No task has the name. */
const OTHERS = '';

const { error: ERRORS, warn: WARNINGS, log: NOTES, debug: DETAILS } = LINES;

/** Writes the queue's log lines, and counts. Never shows arguments: they hold what users typed. */
@Injectable()
export class QueueLog implements BrokerLog {
  readonly counts: { -readonly [K in keyof QueueCounts]: number } = { ...NO_COUNTS };

  private isDisrupted = false;
  private readonly recent = new RecentLines();

  /** Counts by task and minute. */
  readonly tallies: RunTallies;

  constructor(
    private readonly log: TaskLog,
    @Inject(CLOCK) clock: Clock = systemClock,
  ) {
    this.tallies = new RunTallies(clock);
  }

  volatile(): void {
    this.log.write('warn', WARNINGS.volatile());
  }

  /** Counts an execution that was added. */
  added(name: string, at: number): void {
    this.counts.added += 1;
    this.tallies.count(name, 'added', at);
  }

  /** Counts an execution that took the place of another one, or a free one. */
  replaced(name: string, at: number): void {
    this.counts.replaced += 1;
    this.tallies.count(name, 'added', at);
  }

  idleWorker(): void {
    this.log.write('log', NOTES.onlyAdds());
  }

  started(
    call: { render(args: readonly unknown[]): string },
    args: readonly unknown[],
    run: CountedStart & Pick<LoggedRun, 'key' | 'attempt'>,
  ): void {
    this.counts.started += 1;
    this.tallies.started(run);
    if (!isShown('debug')) return;
    const { key, attempt } = run;
    const [shown, text] = [labelText(key), call.render(args)];
    this.log.write('debug', attempt > 1 ? DETAILS.startedAgain(shown, text, attempt) : DETAILS.started(shown, text));
  }

  /** Counts the end of a run, and writes it down. */
  settled(run: LoggedRun, settlement: Settlement, now: number): void {
    this.counts[countOf(settlement)] += 1;
    const outcome = outcomeOf(run, settlement);
    if (outcome !== undefined) this.tallies.ended(run, outcome, now);
    // Nearly all runs complete, and texts are half of the work of a short task: none is made unless it is shown.
    if (settlement.type === 'complete') return this.completed(run, now);
    if (settlement.type === 'reschedule') this.endedInChain(run, settlement, now);
    const consequence = STRUCK[settlement.type];
    if (consequence === undefined || run.strikeReason === undefined) return this.wentOn(run, settlement, now);
    this.struck(run.name, run.key, run.strikeReason, consequence);
  }

  /** Counts the end of a run that another one follows. */
  private endedInChain(run: LoggedRun, { reason, error }: Rescheduled, now: number): void {
    if (reason !== undefined) this.counts.skipped += 1;
    else if (error !== undefined) this.counts.failed += 1;
    else if (run.task !== undefined) {
      this.counts.completed += 1;
      this.completed(run, now);
    }
  }

  private wentOn({ name, key, attempt }: LoggedRun, settlement: Settlement, now: number): void {
    const execution = label(name, key);
    switch (settlement.type) {
      case 'retry': {
        const delay = Math.max(0, settlement.at - now);
        return this.log.write('log', NOTES.retried(execution, durationText(delay), attempt));
      }
      case 'reschedule': {
        const { at, reason } = settlement;
        const line =
          reason === undefined ? DETAILS.repeated(execution, timeText(at)) : DETAILS.skipped(execution, reason);
        return this.log.write('debug', line);
      }
      case 'cancel':
        return this.log.write('log', NOTES.cancelled(execution, settlement.reason));
      case 'drop':
        return this.log.write('warn', WARNINGS.dropped(execution, settlement.reason));
      case 'park':
        return this.log.write('debug', DETAILS.parked(execution, settlement.reason));
      case 'release': {
        const { at, reason, isUnstarted } = settlement;
        if (isUnstarted === true) this.log.write('debug', DETAILS.delayed(execution, timeText(at ?? now), reason));
        // The release of an unknown task has a line of its own.
        else if (at === undefined) this.log.write('log', NOTES.released(execution, reason));
      }
    }
  }

  /** Counts and reports a strike on an execution that was to be added, or run. */
  struck(name: string, key: string, reason: string, consequence: Consequence): void {
    this.counts.struck += 1;
    this.log.write('warn', WARNINGS.struck(label(name, key), consequence, reason));
  }

  struckOut(strike: LoggedStrike & { readonly mode: 'drop' | 'hold'; readonly reason?: string | undefined }): void {
    const { mode, reason } = strike;
    const [target, consequence] = [targetText(strike), mode === 'hold' ? 'held' : 'dropped'];
    this.log.write(
      'warn',
      reason === undefined
        ? WARNINGS.strikeAdded(target, consequence)
        : WARNINGS.strikeAddedBecause(target, consequence, reason),
    );
  }

  restoredStrike(target: LoggedStrike): void {
    this.log.write('log', NOTES.strikeRemoved(targetText(target)));
  }

  paused(reason: string | undefined): void {
    this.log.write('warn', reason === undefined ? WARNINGS.paused() : WARNINGS.pausedBecause(reason));
  }

  resumed(): void {
    this.log.write('log', NOTES.resumed());
  }

  unlikeStrike(task: string, parameter: string): void {
    this.log.write('warn', WARNINGS.strikeMismatch(labelText(parameter), labelText(task)));
  }

  seeded(name: string): void {
    this.tallies.count(name, 'added');
    this.log.write('log', NOTES.automaticStarted(labelText(name)));
  }

  /** Reports a changed schedule of an automatic task. */
  retimed(name: string, from: number, to: number, schedule: string): void {
    this.counts.retimed += 1;
    const [task, next, text] = [labelText(name), timeText(to), labelText(schedule)];
    this.log.write(
      'log',
      from === to ? NOTES.retimedLater(task, next, text) : NOTES.retimed(task, next, timeText(from), text),
    );
  }

  seedStruck(name: string, reason: string): void {
    this.log.write('debug', DETAILS.automaticStruck(labelText(name), reason));
  }

  seedSpent(name: string, schedule: string): void {
    this.log.write('log', NOTES.automaticSpent(labelText(name), labelText(schedule)));
  }

  private completed({ name, key, task, startedAt }: LoggedRun, now: number): void {
    if (task === undefined || !isShown('debug')) return;
    this.log.write('debug', DETAILS.completed(label(name, key), durationText(Math.max(0, now - startedAt))));
  }

  neverCalled(call: string, name: string): void {
    this.log.write('warn', WARNINGS.neverCalled(call, labelText(name)));
  }

  methodsLost(name: string, at: number, type: string, methods: readonly string[]): void {
    const named = methods.map((method) => `${labelText(method)}()`).join(', ');
    this.log.write('warn', WARNINGS.methodsLost(`args[${at}]`, labelText(name), labelText(type), named));
  }

  retryOnFailed(name: string, key: string, error: unknown): void {
    this.log.write('error', ERRORS.retryOnFailed(label(name, key), messageOf(error)));
  }

  cancelled(name: string, key: string, reason: string): void {
    this.counts.cancelled += 1;
    this.tallies.count(name, 'cancelled');
    this.log.write('log', NOTES.cancelled(label(name, key), reason));
  }

  retriedByHand(name: string, key: string): void {
    this.counts.retriedByHand += 1;
    this.log.write('log', NOTES.retriedByHand(label(name, key)));
  }

  forgotten(name: string, key: string): void {
    this.counts.forgotten += 1;
    this.log.write('log', NOTES.forgotten(label(name, key)));
  }

  startedByHand(name: string, key: string): void {
    this.log.write('log', NOTES.startedByHand(label(name, key)));
  }

  cleared(count: number): void {
    this.counts.cancelled += count;
    this.log.write('log', NOTES.cleared(countText(count, 'execution')));
  }

  /** Reports a task at most once a minute, since it comes again every second, and few tasks by their names. */
  unknown(name: string, key: string, delay: number): void {
    const isNamed = this.recent.has(name) || this.recent.size < MAX_UNKNOWN;
    const subject = isNamed ? name : OTHERS;
    if (this.recent.isRepeated(subject)) return;
    this.log.write(
      'warn',
      subject === OTHERS
        ? WARNINGS.manyUnknownTasks(MAX_UNKNOWN)
        : WARNINGS.unknownTask(label(name, key), durationText(delay), labelText(name)),
    );
  }

  unrunnable(name: string, key: string, error: unknown): void {
    this.log.write('error', ERRORS.unrunnable(label(name, key), messageOf(error)));
  }

  overlapping(name: string, key: string, gracePeriod: number): void {
    this.log.write('warn', WARNINGS.overlapping(label(name, key), durationText(gracePeriod)));
  }

  leaseLost(name: string, key: string): void {
    this.counts.leasesLost += 1;
    this.log.write('warn', WARNINGS.leaseLost(label(name, key)));
  }

  recovered(count: number): void {
    if (count === 0) return;
    this.counts.recovered += count;
    this.log.write('warn', count === 1 ? WARNINGS.recoveredOne() : WARNINGS.recovered(count));
  }

  unreadable(what: string): void {
    if (this.recent.isRepeated(`unreadable ${what}`)) return;
    this.counts.unreadable += 1;
    this.log.write('warn', WARNINGS.unreadable(labelText(what)));
  }

  signalRefused(): void {
    this.counts.signalsRefused += 1;
    if (this.recent.isRepeated('signals')) return;
    this.log.write('warn', WARNINGS.signalRefused(this.counts.signalsRefused));
  }

  /** Reports an outage once: the calls are repeated every second. */
  disrupted(error: unknown): void {
    this.counts.disruptions += 1;
    if (this.isDisrupted) return;
    this.isDisrupted = true;
    this.log.write('warn', WARNINGS.unreachable(messageOf(error)));
  }

  restored(): void {
    if (!this.isDisrupted) return;
    this.isDisrupted = false;
    this.log.write('log', NOTES.reachable());
  }
}
