import { FORMAT } from '../package/build.js';
import { findShipped, type ShippedFile } from '../package/shipped-file.js';
import { TasksUsageError } from '../task/usage-errors.js';

export const INDEX = 'index.html';

const FOLDER: ShippedFile = {
  // In the sources, the folder of the last build.
  beside: FORMAT === 'source' ? ['../../dist/dashboard/page'] : ['./dashboard/page', '../dashboard/page'],
  inPackage: 'dist/dashboard/page',
  probe: INDEX,
};

/**
 * Returns the folder of the page's files.
 *
 * @throws {TasksUsageError} `PAGE_MISSING` where neither this code nor an installed package has it beside.
 */
export function pageFolder(own?: string, from?: NodeJS.Require[]): string {
  const found = findShipped(FOLDER, own, from);
  if (found !== undefined) return found;
  throw new TasksUsageError('PAGE_MISSING', `The dashboard needs the files of its page. ${REMEDY}`);
}

const REMEDY =
  FORMAT === 'source'
    ? 'Run npm run build, which makes them.'
    : `This bundle does not hold them: mark nestjs-tasks as external in the bundler, or copy node_modules/nestjs-tasks/${FOLDER.inPackage} to dashboard/page beside the bundle.`;
