import { createRequire } from 'node:module';
import { PackageMissingError } from '../task/task-errors.js';

export type PiscinaModule = typeof import('piscina');

/** Not import(): a task is scheduled, or refused, at once. */
const require = createRequire(import.meta.url);

/** @throws {PackageMissingError} when it is not installed; one that is there but broken fails with its own error. */
export function loadPiscina(name = 'piscina'): PiscinaModule {
  try {
    return require(name) as PiscinaModule;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code !== 'MODULE_NOT_FOUND' || !String(message).includes(`'${name}'`)) throw error;
    throw new PackageMissingError('A task with a thread', [name], { cause: error });
  }
}
