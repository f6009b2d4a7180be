import type { Attributes, Context, Link, Span } from '@opentelemetry/api';
import type { TaskEventType } from '../scheduler/task-events.js';
import { TaskTracer, type AddingOperation, type AddingSpan, type CarriedTrace } from '../scheduler/task-tracer.js';
import { labelText } from '../task/log-text.js';
import { isAbortOf } from '../task/task-errors.js';
import type { Task } from '../task/task.js';
import { ExecutionTraces } from './execution-traces.js';
import { MESSAGE_ID, messagingAttributes } from './messaging-attributes.js';
import type { OpenTelemetry } from './open-telemetry.js';
import { failSpan, recordError } from './span-errors.js';
import { placeOf } from './task-attributes.js';
import type { TaskWatcher } from './task-watchers.js';
import type { TelemetryLog } from './telemetry-log.js';
import { TracerSource } from './tracer-source.js';

/**
 * Spans of tasks, each from the call of its function until its `done`; of kind CONSUMER for a run of an execution. It begins a trace of its own, with a link to the
 * span in which the task was scheduled. A task outlives its request, and backends show traces badly whose parent ended
 * long before its child.
 */
export class TaskSpans extends TaskTracer implements TaskWatcher {
  readonly #api: OpenTelemetry;
  readonly #log: TelemetryLog;
  /** Spans of tasks. A finished task keeps one that records nothing, as the parent of its retries. */
  readonly #spans = new WeakMap<Task, Span>();
  readonly #tracers: TracerSource;
  readonly #executions: ExecutionTraces;
  #open = 0;

  constructor(api: OpenTelemetry, log: TelemetryLog) {
    super();
    this.#api = api;
    this.#log = log;
    this.#tracers = new TracerSource(api, log);
    this.#executions = new ExecutionTraces(api, this.#tracers, log);
  }

  /** True if the application has registered an SDK, which may come late, or a span is open. */
  override get isActive(): boolean {
    return this.#open > 0 || this.#tracers.find() !== undefined;
  }

  override run<R>(task: Task, func: () => R): R {
    const context = this.#contextOf(task);
    return context === undefined ? func() : this.#api.context.with(context, func);
  }

  override beginAdding(task: string, queue: string, operation: AddingOperation): AddingSpan | undefined {
    return this.#executions.begin(task, queue, operation);
  }

  override resume(trace: CarriedTrace, func: () => void): void {
    this.#executions.resume(trace, func);
  }

  heard(type: TaskEventType, task: Task, reason: string, error: unknown): void {
    if (type === 'started') return; // run() follows at once
    const mayBeFirst = type === 'cancelled' || type === 'discarded';
    const span = this.#spans.get(task) ?? (mayBeFirst ? this.#startUnstarted(task) : undefined);
    if (span?.isRecording() !== true) return;
    switch (type) {
      case 'succeeded':
      case 'discarded':
        span.setAttribute('task.reason', labelText(reason));
        break;
      case 'cancelled':
        span.setAttribute('task.reason', labelText(reason));
        // An error other than the signal's reason may be a failure of its own.
        if (!isAbortOf(task.state.cancellation, error)) recordError(span, error);
        break;
      case 'failed':
        span.setAttribute('task.reason', labelText(reason));
        failSpan(this.#api, span, error);
        break;
      case 'retryFailed':
        span.addEvent(type, { 'task.attempt': task.attempt });
        recordError(span, error);
        break;
      case 'retried':
      case 'retrySucceeded':
      case 'abandoned':
        span.addEvent(type, { 'task.attempt': task.attempt });
    }
  }

  finished(task: Task): void {
    const span = this.#spans.get(task);
    if (span?.isRecording() !== true) return;
    this.#open -= 1;
    this.#spans.set(task, this.#api.trace.wrapSpanContext(span.spanContext()));
    span.setAttributes({ 'task.status': task.status, 'task.attempt': task.attempt });
    span.end();
  }

  /** Returns the context in which the task was scheduled, with its own span. */
  #contextOf(task: Task): Context | undefined {
    try {
      const here = this.#api.context.active();
      const span = this.#spans.get(task) ?? (task.state.hasEnded ? undefined : this.#start(task, here));
      return span && this.#api.trace.setSpan(here, span);
    } catch (error) {
      this.#log.failed(error);
      return undefined;
    }
  }

  #start(task: Task, scheduled: Context): Span | undefined {
    const { SpanKind } = this.#api;
    const span = this.#tracers.find()?.startSpan(
      nameOf(task),
      {
        root: true,
        kind: task.run === undefined ? SpanKind.INTERNAL : SpanKind.CONSUMER,
        links: this.#linksOf(task, scheduled),
        attributes: attributesOf(task),
      },
      scheduled,
    );
    if (span === undefined) return undefined;
    this.#spans.set(task, span);
    if (span.isRecording()) this.#open += 1;
    return span;
  }

  /** Returns links to the span in which the task was scheduled, or its execution added, and to what that follows. */
  #linksOf({ run }: Task, scheduled: Context): Link[] {
    const { trace } = this.#api;
    const from = trace.getSpanContext(scheduled);
    const links: Link[] = from !== undefined && trace.isSpanContextValid(from) ? [{ context: from }] : [];
    return run === undefined ? links : [...links, ...this.#executions.linksOf(scheduled)];
  }

  /** Starts the span of a task that will never be called. */
  #startUnstarted(task: Task): Span | undefined {
    if (task.isStarted || !this.isActive) return undefined;
    return task.scope.runInAsyncScope(() => this.#start(task, this.#api.context.active()));
  }
}

/** Returns a span name with as few values as the code has: backends group spans by name. */
function nameOf({ run, timing, functionName }: Task): string {
  return run === undefined ? `${timing} ${functionName}` : `process ${labelText(functionName)}`;
}

/** Returns the attributes, without arguments. */
function attributesOf(task: Task): Attributes {
  const attributes = placeOf(task);
  attributes['task.id'] = task.id;
  attributes['task.name'] = labelText(task.name);
  attributes['task.attempt'] = task.attempt;
  attributes['task.shielded'] = task.shielded;
  const { run } = task;
  if (run === undefined) return attributes;
  attributes['task.key'] = labelText(run.key);
  return Object.assign(attributes, messagingAttributes('process', run.queue), { [MESSAGE_ID]: run.executionId });
}
