import type { TaskEventType, TaskTiming } from 'nestjs-tasks';
import type { DurableState } from './durable/durable-state.js';
import type { Order } from './order.js';
import type { ShutdownReport } from './shutdown-report.js';

/** Event of the stream that the page reads: its type, and when it happened, in milliseconds since the epoch. */
export type TimelineEntry =
  | { readonly type: 'server'; readonly data: { readonly at: number; readonly startedAt: number } }
  | { readonly type: 'order'; readonly data: { readonly at: number; readonly order: Order } }
  | { readonly type: 'response'; readonly data: { readonly at: number; readonly orderId: string } }
  | { readonly type: 'task'; readonly data: TaskStep }
  | { readonly type: 'durable'; readonly data: DurableState }
  | { readonly type: 'shutdown'; readonly data: { readonly at: number; readonly waitsFor: readonly string[] } }
  /** Number of durable tasks that end with the memory of this process. */
  | { readonly type: 'unfinished'; readonly data: { readonly at: number; readonly count: number } }
  | { readonly type: 'stopped'; readonly data: { readonly at: number; readonly report: ShutdownReport } };

/** Transition of a task of an order. */
export interface TaskStep {
  readonly at: number;
  readonly orderId: string;
  readonly task: string;
  readonly what: TaskEventType;
  readonly reason: string;
  readonly error?: string;
  readonly timing: TaskTiming;
  readonly shielded: boolean;
}
