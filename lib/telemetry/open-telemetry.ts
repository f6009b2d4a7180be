import { VERSION } from '../package/build.js';
import { findPackage } from '../package/optional-package.js';
import { LogWriter } from '../task/log-writer.js';
import { TASK_LINES } from '../task/task-lines.js';
import { packageMissing } from '../task/usage-errors.js';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** Instrumentation scope of spans and metrics. */
export const SCOPE = 'nestjs-tasks';
export const SCOPE_VERSION = VERSION;

/**
 * Loads the API where the application has it; a broken package fails with its own error. A package that is too old is a
 * warning: it may be there for another package, and no reason not to start.
 *
 * @returns undefined where it is not installed.
 */
export function loadOpenTelemetry(name = '@opentelemetry/api'): OpenTelemetry | undefined {
  const search = findPackage<OpenTelemetry>(name);
  if ('found' in search) return search.found;
  if (search.problem.isTooOld) {
    const { message } = packageMissing('Telemetry', name, search.problem);
    new LogWriter().write('warn', TASK_LINES.warn.untraced(message));
  }
  return undefined;
}
