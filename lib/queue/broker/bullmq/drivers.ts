import { createRequire } from 'node:module';
import { driverMissing } from '../queue-errors.js';

/** Packages that are installed only where they are used, and loaded only when the options name them. */
interface Drivers {
  readonly bullmq: typeof import('bullmq');
  readonly ioredis: typeof import('ioredis');
  readonly pg: typeof import('pg');
}

/** BullMQ 6 loads the client packages with `require()`, which only its CommonJS build has. */
const require = createRequire(import.meta.url);

/** First release whose workers hear of new jobs again after an outage. */
const OLDEST_BULLMQ = [6, 3, 3] as const;

/**
 * @param together what `npm install` should be told, where one is missing.
 * @throws {TasksUsageError} `DRIVER_MISSING` when it is not installed, or too old.
 */
export function loadDriver<N extends keyof Drivers>(name: N, together: readonly string[]): Drivers[N] {
  try {
    const driver = require(name) as Drivers[N];
    if (name === 'bullmq') checkBullMq((require('bullmq/package.json') as { version: string }).version, together);
    return driver;
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw driverMissing(`${name}, which is not installed`, together, { cause: error });
  }
}

/** @throws {TasksUsageError} `DRIVER_MISSING` for the first of them that is not there. */
export function requireDrivers(names: readonly (keyof Drivers)[]): void {
  for (const name of names) loadDriver(name, names);
}

/** @throws {TasksUsageError} `DRIVER_MISSING` when it is too old. */
export function checkBullMq(version: string, together: readonly string[]): void {
  const numbers = version.split('.').map(Number);
  const differing = OLDEST_BULLMQ.findIndex((oldest, at) => numbers[at] !== oldest);
  if (differing === -1 || (numbers[differing] ?? 0) > (OLDEST_BULLMQ[differing] ?? 0)) return;
  const latest = together.map((name) => (name === 'bullmq' ? 'bullmq@latest' : name));
  throw driverMissing(`bullmq ${OLDEST_BULLMQ.join('.')} or later, and ${version} is installed`, latest);
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === 'MODULE_NOT_FOUND' && String(message).includes(`'${name}'`);
}
