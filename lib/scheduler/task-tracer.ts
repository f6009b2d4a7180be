import type { Task } from '../task/task.js';

/** Trace and baggage as a text map: `traceparent`, `tracestate` and `baggage`, or what the application's propagator writes. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** Trace that an execution carries. */
export interface CarriedTrace {
  /** Of its addition. */
  readonly headers: TraceHeaders;
  /** Of the additions of executions that it follows. */
  readonly follows?: readonly TraceHeaders[];
}

/** Work of the addition: one execution is sent, or one of several is created. */
export type AddingOperation = 'send' | 'create';

/** Span of an addition. */
export interface AddingSpan {
  readonly headers: TraceHeaders;
  /** Calls `func` within the span. */
  run<R>(func: () => R): R;
  /** Ends the span. @param id of the execution that has the key. */
  added(id: string, isNew: boolean): void;
  /** Ends the span of an addition that was refused. */
  failed(error: unknown): void;
}

/** Puts the work of a task into its trace. */
export abstract class TaskTracer {
  /** False where the methods need not be called. */
  abstract readonly isActive: boolean;

  /** Calls `func`, an attempt of the task or its `onError`, within the task's span. */
  abstract run<R>(task: Task, func: () => R): R;

  /** Begins the span of an addition. @returns nothing where none is recorded. */
  abstract beginAdding(task: string, queue: string, operation: AddingOperation): AddingSpan | undefined;

  /** Calls `func` in the context of the addition, to which the span of a task created there links. */
  abstract resume(trace: CarriedTrace, func: () => void): void;
}

/** Tracer without a trace. */
export class NoTracer extends TaskTracer {
  override readonly isActive = false;

  override run<R>(_task: Task, func: () => R): R {
    return func();
  }

  override beginAdding(): undefined {
    return undefined;
  }

  override resume(_trace: CarriedTrace, func: () => void): void {
    func();
  }
}
