import type { RetentionTimes } from '../../task/retention.js';
import { HANDLE_RETENTION } from './broker.js';
import type { EndState } from './record.js';

const MINUTE = 60_000;

/** Retention where no option is set. Failures stay for the person who is to look at them. */
export const DEFAULT_RETENTION: RetentionTimes = {
  completed: 15 * MINUTE,
  failed: 7 * 24 * 60 * MINUTE,
  cancelled: 15 * MINUTE,
  dropped: 15 * MINUTE,
};

/** Retention of ended executions: of the queue, and of tasks that this process declares with one of their own. */
export class Retention {
  private readonly own = new Map<string, Partial<RetentionTimes>>();

  constructor(readonly byDefault: RetentionTimes) {}

  declare(task: string, times: Partial<RetentionTimes>): void {
    if (Object.keys(times).length > 0) this.own.set(task, times);
  }

  /** Time for which an execution is remembered when it has ended, in milliseconds. */
  of(task: string, state: EndState): number {
    return this.ownOf(task, state) ?? this.byDefault[state];
  }

  /** Time that the task has declared, where it differs from the default. */
  ownOf(task: string, state: EndState): number | undefined {
    if (this.own.size === 0) return undefined;
    const time = this.own.get(task)?.[state];
    return time === this.byDefault[state] ? undefined : time;
  }

  /** Times of one state by task, as JSON for a database; `*` stands for all others. */
  tableOf(state: EndState): string {
    const entries = Array.from(this.own.keys(), (task) => [task, this.of(task, state)] as const);
    return JSON.stringify({ ...Object.fromEntries(entries), '*': this.byDefault[state] });
  }
}

/** Time for which an ended execution is stored: its handles look for it as well, whatever its retention. */
export function storedFor(retention: number): number {
  return Math.max(retention, HANDLE_RETENTION);
}
