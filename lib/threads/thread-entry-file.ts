import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownUrl, requires } from '../package/places.js';
import { TasksUsageError } from '../task/usage-errors.js';

/** Where it lies: beside both formats' code, above the CommonJS one, and in the sources. */
const BESIDE = ['./thread-entry.mjs', '../thread-entry.mjs', '../threads/thread-entry.mjs'];
const IN_PACKAGE = 'dist/thread-entry.mjs';

/**
 * Path of the file that the threads run. A bundle of the application does not hold it: then that of the installed
 * package does as well.
 *
 * @throws {TasksUsageError} `PACKAGE_MISSING` where it is in neither place.
 */
export function threadEntryFile(own = ownUrl(), from = requires()): string {
  const files = [
    ...(own?.startsWith('file:') === true ? BESIDE.map((path) => fileURLToPath(new URL(path, own))) : []),
    ...from.flatMap((load) => {
      try {
        return [join(dirname(load.resolve('nestjs-tasks/package.json')), IN_PACKAGE)];
      } catch {
        return []; // out of reach from there
      }
    }),
  ];
  const found = files.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new TasksUsageError(
    'PACKAGE_MISSING',
    `A task with a thread needs the file thread-entry.mjs of nestjs-tasks, which this bundle does not hold. Mark nestjs-tasks as external in the bundler, or copy node_modules/nestjs-tasks/${IN_PACKAGE} beside the bundle.`,
  );
}
