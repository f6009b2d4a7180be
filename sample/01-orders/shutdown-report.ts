import type { TaskEvent, TaskEventType } from 'nestjs-tasks';

/** Ends of the tasks that a shutdown found running, by the tasks' names. */
export interface ShutdownReport {
  readonly finished: readonly string[];
  readonly failed: readonly string[];
  readonly cancelled: readonly string[];
}

type End = keyof ShutdownReport;

const ENDS: Partial<Record<TaskEventType, End>> = {
  succeeded: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  discarded: 'cancelled',
};

/** Collects the ends of tasks during a shutdown. */
export class ShutdownEnds {
  private readonly ends = new Map<string, End>();

  add({ type, task }: TaskEvent): void {
    const end = ENDS[type];
    if (end !== undefined) this.ends.set(task.name, end);
  }

  get report(): ShutdownReport {
    return { finished: this.named('finished'), failed: this.named('failed'), cancelled: this.named('cancelled') };
  }

  private named(wanted: End): string[] {
    return [...this.ends].filter(([, end]) => end === wanted).map(([name]) => name);
  }
}

/** Report as a line of the log. */
export function reportLine(report: ShutdownReport): string {
  const parts = Object.entries(report)
    .filter(([, names]) => names.length > 0)
    .map(([end, names]) => `${end} ${names.join(', ')}`);
  return `Shutdown: ${parts.length === 0 ? 'no task of an order was running' : parts.join('; ')}`;
}
