import type { Context, Link, Span } from '@opentelemetry/api';
import type { AddingOperation, AddingSpan, CarriedTrace, TraceHeaders } from '../scheduler/task-tracer.js';
import { labelText } from '../task/log-text.js';
import { MESSAGE_ID, messagingAttributes } from './messaging-attributes.js';
import type { OpenTelemetry } from './open-telemetry.js';
import { failSpan } from './span-errors.js';
import type { TelemetryLog } from './telemetry-log.js';
import type { TracerSource } from './tracer-source.js';

/** Size of the headers of one execution: a trace, and the 8,192 bytes of baggage that W3C asks for. */
const MAX_HEADERS = 9_000;

/** Spans of additions, and the way of a trace through the queue, by the application's propagator. */
export class ExecutionTraces {
  readonly #api: OpenTelemetry;
  readonly #tracers: TracerSource;
  readonly #log: TelemetryLog;
  /** Key of the links to what an execution follows. */
  readonly #follows: symbol;

  constructor(api: OpenTelemetry, tracers: TracerSource, log: TelemetryLog) {
    this.#api = api;
    this.#tracers = tracers;
    this.#log = log;
    this.#follows = api.createContextKey('nestjs-tasks follows');
  }

  begin(task: string, queue: string, operation: AddingOperation): AddingSpan | undefined {
    const { context, trace, SpanKind } = this.#api;
    try {
      const here = context.active();
      const span = this.#tracers.find()?.startSpan(
        `${operation} ${labelText(task)}`,
        {
          kind: SpanKind.PRODUCER,
          attributes: { ...messagingAttributes(operation, queue), 'task.function': labelText(task) },
        },
        here,
      );
      if (span === undefined) return undefined;
      const within = trace.setSpan(here, span);
      return new OpenAddingSpan(this.#api, this.#log, span, within, this.#headersOf(within));
    } catch (error) {
      this.#log.failed(error);
      return undefined;
    }
  }

  resume(carried: CarriedTrace, func: () => void): void {
    this.#api.context.with(this.#contextOf(carried), func);
  }

  /** Returns links from the run whose context this is to the additions of what it follows. */
  linksOf(context: Context): readonly Link[] {
    return (context.getValue(this.#follows) as readonly Link[] | undefined) ?? [];
  }

  #contextOf({ headers, follows = [] }: CarriedTrace): Context {
    const { context, propagation, trace, ROOT_CONTEXT } = this.#api;
    const bare = trace.deleteSpan(context.active()); // of the span in which the worker was started
    try {
      const own = propagation.extract(bare, headers);
      if (follows.length === 0) return own;
      const links = follows.flatMap((one) => {
        const followed = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, one));
        return followed === undefined ? [] : [{ context: followed }];
      });
      return own.setValue(this.#follows, links);
    } catch (error) {
      this.#log.failed(error);
      return bare;
    }
  }

  /** Writes the headers, without a baggage that is too large: an addition never fails for its trace. */
  #headersOf(context: Context): TraceHeaders {
    const { propagation } = this.#api;
    try {
      for (const within of [context, propagation.deleteBaggage(context)]) {
        const headers: Record<string, string> = {};
        propagation.inject(within, headers);
        if (isCarriable(headers)) return headers;
      }
    } catch (error) {
      this.#log.failed(error);
    }
    return {};
  }
}

function isCarriable(headers: Readonly<Record<string, unknown>>): boolean {
  const values = Object.values(headers);
  return values.every((value) => typeof value === 'string') && JSON.stringify(headers).length <= MAX_HEADERS;
}

class OpenAddingSpan implements AddingSpan {
  readonly #api: OpenTelemetry;
  readonly #log: TelemetryLog;
  readonly #span: Span;
  readonly #context: Context;

  constructor(
    api: OpenTelemetry,
    log: TelemetryLog,
    span: Span,
    context: Context,
    readonly headers: TraceHeaders,
  ) {
    this.#api = api;
    this.#log = log;
    this.#span = span;
    this.#context = context;
  }

  run<R>(func: () => R): R {
    return this.#api.context.with(this.#context, func);
  }

  added(id: string, isNew: boolean): void {
    this.#end(() => {
      this.#span.setAttribute(MESSAGE_ID, id);
      this.#span.setAttribute('task.disposition', isNew ? 'scheduled' : 'already-scheduled');
    });
  }

  failed(error: unknown): void {
    this.#end(() => failSpan(this.#api, this.#span, error));
  }

  #end(finish: () => void): void {
    try {
      finish();
      this.#span.end();
    } catch (error) {
      this.#log.failed(error);
    }
  }
}
