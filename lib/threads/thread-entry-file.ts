import { findShipped, type ShippedFile } from '../package/shipped-file.js';
import { TasksUsageError } from '../task/usage-errors.js';

const ENTRY: ShippedFile = {
  // Beside both formats' code, above the CommonJS one, and in the sources.
  beside: ['./thread-entry.mjs', '../thread-entry.mjs', '../threads/thread-entry.mjs'],
  inPackage: 'dist/thread-entry.mjs',
};

/**
 * Path of the file that the threads run.
 *
 * @throws {TasksUsageError} `PACKAGE_MISSING` where neither this code nor an installed package has it beside.
 */
export function threadEntryFile(own?: string, from?: NodeJS.Require[]): string {
  const found = findShipped(ENTRY, own, from);
  if (found !== undefined) return found;
  throw new TasksUsageError(
    'PACKAGE_MISSING',
    `A task with a thread needs the file thread-entry.mjs of nestjs-tasks, which this bundle does not hold. Mark nestjs-tasks as external in the bundler, or copy node_modules/nestjs-tasks/${ENTRY.inPackage} beside the bundle.`,
  );
}
