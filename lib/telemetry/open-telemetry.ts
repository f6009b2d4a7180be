import { createRequire } from 'node:module';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** Loads synchronously: with import() tasks might be scheduled before the promise settles. */
const require = createRequire(import.meta.url);

/** Instrumentation scope of spans and metrics. */
export const SCOPE = 'nestjs-tasks';
export const SCOPE_VERSION = readVersion();

/** Reads the version. A bundle of the application lacks this package.json. */
function readVersion(): string | undefined {
  try {
    return (require('../../package.json') as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** Loads the API. @returns undefined where it is not installed; a broken one fails with its own error. */
export function loadOpenTelemetry(name = '@opentelemetry/api'): OpenTelemetry | undefined {
  try {
    return require(name) as OpenTelemetry;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === 'MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)) return undefined;
    throw error;
  }
}
