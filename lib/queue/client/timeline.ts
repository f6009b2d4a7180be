import { setTimeout as startTimer } from 'node:timers';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { WORKER_ID } from '../broker/queue-settings.js';
import { MINUTE, TIMELINE_RETENTION, type MinuteRecord } from '../broker/timeline-store.js';
import { QueueLog } from '../log/queue-log.js';
import type { ClosedMinute } from '../log/run-tallies.js';
import { readTallies, TaskTally, type Counted, type StoredTallies } from '../log/task-tally.js';

/** Span within which the processes of a fleet write a minute, in milliseconds: not all at once. */
const SPREAD = 5_000;

/**
 * Durations of a row, in milliseconds, each off by 3.1 % at most.
 *
 * @publicApi
 */
export interface TimelinePercentiles {
  /** Duration that half of all do not exceed. `undefined` where there was none. */
  readonly p50: number | undefined;
  /** Duration that 95 % of all do not exceed. */
  readonly p95: number | undefined;
}

/**
 * Counts of one task in one step of time.
 *
 * @publicApi
 */
export interface TimelineRow extends Readonly<Record<Counted, number>> {
  /** Beginning of the step. */
  readonly at: Date;
  /** Name of the task. */
  readonly task: string;
  /** Executions that were added, those that replace others included. */
  readonly added: number;
  /** Attempts whose function was called. */
  readonly started: number;
  /** Runs that completed; of a perpetual task each one. */
  readonly completed: number;
  /** Runs that failed for good. */
  readonly failed: number;
  /** Attempts that failed and were followed by another. */
  readonly retried: number;
  readonly cancelled: number;
  readonly dropped: number;
  /** Times from when attempts were due to the calls of their functions. */
  readonly wait: TimelinePercentiles;
  /** Times from the calls of functions to the ends of their attempts. */
  readonly run: TimelinePercentiles;
}

/** Span of a timeline, in minutes since the epoch. */
export interface TimelineSpan {
  readonly from: number;
  /** Minute after the last. */
  readonly to: number;
  /** Minutes of a row. */
  readonly step: number;
}

/**
 * Counts of the fleet by task and minute. Each process writes its own of a minute in one record, soon after the minute, and
 * those of the current one when it shuts down.
 */
@Injectable()
export class Timeline {
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(WORKER_ID) private readonly processId: string,
    private readonly log: QueueLog,
  ) {
    log.tallies.onMinute = () => this.arm();
  }

  /** Returns the rows of a span, the oldest first, then by task. The current minute has this process's counts alone. */
  async rows(span: TimelineSpan): Promise<TimelineRow[]> {
    return (await this.steps(span)).flatMap(([at, tallies]) => rowsOf(at, tallies));
  }

  /** Returns a row for all tasks together of each step that has any count, the oldest first. Its task has no name. */
  async totals(span: TimelineSpan): Promise<TimelineRow[]> {
    return (await this.steps(span)).map(([at, tallies]) => {
      const total = new TaskTally();
      for (const [, fields] of tallies.flatMap((each) => [...each])) total.merge(fields);
      return rowOf(new Date(at * MINUTE), '', total);
    });
  }

  private async steps({ from, to, step }: TimelineSpan): Promise<[step: number, tallies: StoredTallies[]][]> {
    const stored = await this.broker.timeline.read(from, to);
    const known = new Set(stored.map(({ source }) => source));
    const own = this.pending().filter(({ minute, source }) => minute >= from && minute < to && !known.has(source));
    const steps = new Map<number, StoredTallies[]>();
    for (const record of [...stored, ...own]) {
      const tallies = this.read(record);
      if (tallies === undefined) continue;
      const first = from + Math.floor((record.minute - from) / step) * step;
      const others = steps.get(first);
      if (others === undefined) steps.set(first, [tallies]);
      else others.push(tallies);
    }
    return [...steps.entries()].toSorted(([a], [b]) => a - b);
  }

  /** Writes what is not written yet, the current minute too. Nothing is tried again: the process ends. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.writeAll(this.log.tallies.closed(true)).catch(() => {}); // lost, as they are with a process that dies
  }

  /** Sees to it that the minute that has just begun is written down when it is over. Keeps no process alive. */
  private arm(): void {
    if (this.isClosed || this.timer !== undefined) return;
    const left = MINUTE - (this.clock.now() % MINUTE);
    this.timer = startTimer(() => void this.write(), left + Math.random() * SPREAD).unref();
  }

  /** Writes the minutes that are over. Those that cannot be written come with the next one. */
  private async write(): Promise<void> {
    this.timer = undefined;
    try {
      await this.writeAll(this.log.tallies.closed());
    } catch (error) {
      this.log.disrupted(error);
    }
    const { tallies } = this.log;
    if (tallies.current() !== undefined || tallies.closed().length > 0) this.arm();
  }

  private async writeAll(minutes: readonly ClosedMinute[]): Promise<void> {
    for (const minute of minutes) {
      await this.broker.timeline.write(this.recordOf(minute));
      this.log.tallies.forget(minute);
    }
  }

  private pending(): MinuteRecord[] {
    const { tallies } = this.log;
    const closed = tallies.closed(); // first: it closes the current minute where that is over
    const current = tallies.current();
    return [...closed, ...(current === undefined ? [] : [current])].map((each) => this.recordOf(each));
  }

  private recordOf({ minute, number, text }: ClosedMinute): MinuteRecord {
    return { minute, source: `${this.processId}-${number}`, text };
  }

  private read({ minute, text }: MinuteRecord): StoredTallies | undefined {
    const tallies = readTallies(text);
    if (tallies === undefined)
      this.log.unreadable(`entry of the timeline at ${new Date(minute * MINUTE).toISOString()}`);
    return tallies;
  }
}

/** Returns the minute before which nothing is kept any more. */
export function firstKept(now: number): number {
  return Math.floor((now - TIMELINE_RETENTION) / MINUTE);
}

function rowsOf(at: number, stored: readonly StoredTallies[]): TimelineRow[] {
  const tallies = new Map<string, TaskTally>();
  for (const [task, fields] of stored.flatMap((each) => [...each])) {
    const tally = tallies.get(task) ?? new TaskTally();
    tally.merge(fields);
    tallies.set(task, tally);
  }
  const sorted = [...tallies].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([task, tally]) => rowOf(new Date(at * MINUTE), task, tally));
}

function rowOf(at: Date, task: string, tally: TaskTally): TimelineRow {
  const { added, started, completed, failed, retried, cancelled, dropped, wait, run } = tally;
  const percentiles = { wait: percentilesOf(wait), run: percentilesOf(run) };
  return { at, task, added, started, completed, failed, retried, cancelled, dropped, ...percentiles };
}

function percentilesOf(durations: TaskTally['wait']): TimelinePercentiles {
  return { p50: durations.quantile(0.5), p95: durations.quantile(0.95) };
}
