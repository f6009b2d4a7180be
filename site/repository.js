// Addresses of the repository, all from `repository` in package.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { repository, description, version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
);

export const PACKAGE = { description, version };

/** Address in a browser, without a slash at its end. */
export const REPOSITORY = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');

/** Address of a file or folder of the repository. */
export function addressOf(path) {
  return `${REPOSITORY}/blob/main/${path}`;
}
