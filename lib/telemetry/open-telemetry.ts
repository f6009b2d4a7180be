import { createRequire } from 'node:module';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** Not import(): tasks may be scheduled before a promise of ours has settled. */
const require = createRequire(import.meta.url);

/** What spans and metrics are attributed to. */
export const SCOPE = 'nestjs-tasks';
export const SCOPE_VERSION = readVersion();

/** A bundle of the application has no package.json of ours. */
function readVersion(): string | undefined {
  try {
    return (require('../../package.json') as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** @returns nothing where the application does not have it; one that is there but broken fails with its own error. */
export function loadOpenTelemetry(name = '@opentelemetry/api'): OpenTelemetry | undefined {
  try {
    return require(name) as OpenTelemetry;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === 'MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)) return undefined;
    throw error;
  }
}
