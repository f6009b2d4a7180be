import { findPackage } from '../../../package/optional-package.js';
import { driverMissing } from '../queue-errors.js';

/** Packages that are installed only where they are used, and loaded only when the options name them. */
interface Drivers {
  readonly bullmq: typeof import('bullmq');
  readonly ioredis: typeof import('ioredis');
  readonly pg: typeof import('pg');
}

/**
 * Loads a package with `require()`: BullMQ 6 loads its client packages so, which only its CommonJS build can.
 *
 * @param together packages that `npm install` should be given, where one is missing.
 * @throws {TasksUsageError} `DRIVER_MISSING` when it is not installed, or too old.
 */
export function loadDriver<N extends keyof Drivers>(name: N, together: readonly string[]): Drivers[N] {
  const search = findPackage<Drivers[N]>(name);
  if ('found' in search) return search.found;
  const { what, install, cause } = search.problem;
  const packages = together.map((other) => (other === name ? install : other));
  throw driverMissing(`${name}${what}`, packages, { cause });
}

/** @throws {TasksUsageError} `DRIVER_MISSING` for the first of them that is not there, or too old. */
export function requireDrivers(names: readonly (keyof Drivers)[]): void {
  for (const name of names) loadDriver(name, names);
}
