import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FORMAT } from '../package/build.js';
import { ownUrl, requires } from '../package/places.js';
import { TasksUsageError } from '../task/usage-errors.js';

export const INDEX = 'index.html';
/** Where the files lie, seen from lib/package/ in the sources, and from the code of both formats. */
const BESIDE = FORMAT === 'source' ? ['../../dist/dashboard/page'] : ['./dashboard/page', '../dashboard/page'];
const IN_PACKAGE = 'dist/dashboard/page';

/**
 * Returns the folder of the page's files. A bundle of the application does not hold them: then those of the installed
 * package do as well.
 *
 * @throws {TasksUsageError} `PAGE_MISSING` where they are in neither place.
 */
export function pageFolder(own = ownUrl(), from = requires()): string {
  const folders = [
    ...(own?.startsWith('file:') === true ? BESIDE.map((path) => fileURLToPath(new URL(path, own))) : []),
    ...from.flatMap((load) => {
      try {
        return [join(dirname(load.resolve('nestjs-tasks/package.json')), IN_PACKAGE)];
      } catch {
        return []; // out of reach from there
      }
    }),
  ];
  const found = folders.find((folder) => existsSync(join(folder, INDEX)));
  if (found !== undefined) return found;
  throw new TasksUsageError('PAGE_MISSING', `The dashboard needs the files of its page. ${REMEDY}`);
}

const REMEDY =
  FORMAT === 'source'
    ? 'Run npm run build, which makes them.'
    : `This bundle does not hold them: mark nestjs-tasks as external in the bundler, or copy node_modules/nestjs-tasks/${IN_PACKAGE} to dashboard/page beside the bundle.`;
