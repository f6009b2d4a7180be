import type { Attributes, Context, Span, Tracer, TracerProvider } from '@opentelemetry/api';
import type { TaskEventType } from '../scheduler/task-events.js';
import { TaskTracer } from '../scheduler/task-tracer.js';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText, stackText } from '../task/log-text.js';
import { isAbortOf, isError } from '../task/task-errors.js';
import type { Task } from '../task/task.js';
import { SCOPE, SCOPE_VERSION, type OpenTelemetry } from './open-telemetry.js';
import { placeOf } from './task-attributes.js';
import type { TaskWatcher } from './task-watchers.js';
import type { TelemetryLog } from './telemetry-log.js';

/**
 * Spans of tasks, each from the call of its function until its `done`. It begins a trace of its own, with a link to the
 * span in which the task was scheduled. A task outlives its request, and backends show traces badly whose parent ended
 * long before its child.
 */
export class TaskSpans extends TaskTracer implements TaskWatcher {
  readonly #api: OpenTelemetry;
  readonly #log: TelemetryLog;
  /** Spans of tasks. A finished task keeps one that records nothing, as the parent of its retries. */
  readonly #spans = new WeakMap<Task, Span>();
  #open = 0;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(api: OpenTelemetry, log: TelemetryLog) {
    super();
    this.#api = api;
    this.#log = log;
  }

  /** True if the application has registered an SDK, which may come late, or a span is open. */
  override get isActive(): boolean {
    return this.#open > 0 || this.#findTracer() !== undefined;
  }

  override run<R>(task: Task, func: () => R): R {
    const context = this.#contextOf(task);
    return context === undefined ? func() : this.#api.context.with(context, func);
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
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: messageOf(error) });
        recordError(span, error);
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
    const { trace, SpanKind } = this.#api;
    const from = trace.getSpanContext(scheduled);
    const span = this.#findTracer()?.startSpan(
      nameOf(task),
      {
        root: true,
        kind: SpanKind.INTERNAL,
        links: from !== undefined && trace.isSpanContextValid(from) ? [{ context: from }] : [],
        attributes: attributesOf(task),
      },
      scheduled,
    );
    if (span === undefined) return undefined;
    this.#spans.set(task, span);
    if (span.isRecording()) this.#open += 1;
    return span;
  }

  /** Starts the span of a task that will never be called. */
  #startUnstarted(task: Task): Span | undefined {
    if (task.isStarted || !this.isActive) return undefined;
    return task.scope.runInAsyncScope(() => this.#start(task, this.#api.context.active()));
  }

  #findTracer(): Tracer | undefined {
    try {
      const provider = this.#api.trace.getTracerProvider();
      if (provider !== this.#provider || this.#tracer === undefined) {
        this.#provider = provider;
        // The placeholder before an SDK's registration would give a tracer without effect, at a price.
        const isProxy = provider instanceof this.#api.ProxyTracerProvider;
        this.#tracer = isProxy
          ? provider.getDelegateTracer(SCOPE, SCOPE_VERSION)
          : provider.getTracer(SCOPE, SCOPE_VERSION);
      }
      return this.#tracer;
    } catch (error) {
      this.#log.failed(error);
      return undefined;
    }
  }
}

/** Returns a span name with as few values as the code has: backends group spans by name. */
function nameOf({ run, timing, functionName }: Task): string {
  return `${run === undefined ? timing : 'durable'} ${functionName}`;
}

/** Returns the attributes, without arguments. */
function attributesOf(task: Task): Attributes {
  const attributes = placeOf(task);
  attributes['task.id'] = task.id;
  attributes['task.name'] = labelText(task.name);
  attributes['task.attempt'] = task.attempt;
  attributes['task.shielded'] = task.shielded;
  if (task.run !== undefined) attributes['task.key'] = labelText(task.run.key);
  return attributes;
}

function recordError(span: Span, error: unknown): void {
  const message = messageOf(error);
  if (!isError(error)) return span.recordException(message);
  span.recordException({ name: labelText(error.name), message, stack: stackText(stackOf(error)) });
}
