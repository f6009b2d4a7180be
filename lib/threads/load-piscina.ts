import { findPackage } from '../package/optional-package.js';
import { packageMissing } from '../task/usage-errors.js';

export type PiscinaModule = typeof import('piscina');

/**
 * Loads Piscina. @throws {TasksUsageError} `PACKAGE_MISSING` when it is not installed, or too old. A broken package fails
 * with its own error.
 */
export function loadPiscina(name = 'piscina'): PiscinaModule {
  const search = findPackage<PiscinaModule>(name);
  if ('found' in search) return search.found;
  throw packageMissing('A task with a thread', name, search.problem);
}
