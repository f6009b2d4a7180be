import { createRequire } from 'node:module';
import { packageMissing } from '../task/usage-errors.js';

export type PiscinaModule = typeof import('piscina');

/** Loads synchronously: a task is scheduled, or refused, at once. */
const require = createRequire(import.meta.url);

/**
 * Loads Piscina. @throws {TasksUsageError} `PACKAGE_MISSING` when it is not installed. A broken one fails with its own
 * error.
 */
export function loadPiscina(name = 'piscina'): PiscinaModule {
  try {
    return require(name) as PiscinaModule;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code !== 'MODULE_NOT_FOUND' || !String(message).includes(`'${name}'`)) throw error;
    throw packageMissing('A task with a thread', [name], { cause: error });
  }
}
