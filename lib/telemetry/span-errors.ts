import type { Span } from '@opentelemetry/api';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText, stackText } from '../task/log-text.js';
import { isError } from '../task/task-errors.js';
import type { OpenTelemetry } from './open-telemetry.js';

/** Records an error, escaped and cut as in the log. */
export function recordError(span: Span, error: unknown): void {
  const message = messageOf(error);
  if (!isError(error)) return span.recordException(message);
  span.recordException({ name: labelText(error.name), message, stack: stackText(stackOf(error)) });
}

/** Records an error as the end of the span's work. */
export function failSpan({ SpanStatusCode }: OpenTelemetry, span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  recordError(span, error);
}
