import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'fixtures');
/** Names that the run was given; all where it was given none. */
const SELECTED = (process.env.TASKS_TEST_ADAPTERS ?? '').split(',').filter(Boolean);

/** Loads the fixtures of all adapters, by name. */
export async function loadFixtures() {
  const names = readdirSync(FOLDER).map((file) => file.replace(/\.mjs$/, ''));
  const wanted = names.filter((name) => SELECTED.length === 0 || SELECTED.includes(name));
  return Promise.all(wanted.map(async (name) => ({ name, ...(await import(join(FOLDER, `${name}.mjs`))) })));
}

// Not constant: a fixture reads them when it creates a library.
export let POSTGRES_URL = process.env.TASKS_TEST_POSTGRES_URL;
export let MYSQL_URL = process.env.TASKS_TEST_MYSQL_URL;

/** Creates what `create` does, on other databases. */
export async function createElsewhere(create, urls) {
  const here = [POSTGRES_URL, MYSQL_URL];
  [POSTGRES_URL, MYSQL_URL] = [urls.postgres, urls.mysql];
  try {
    return await create();
  } finally {
    [POSTGRES_URL, MYSQL_URL] = here;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-outbox-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** Returns the path of a SQLite database that is not there yet, and goes with this process. */
export function sqliteFile() {
  files += 1;
  return join(folder, `${files}.db`);
}

export class Rollback extends Error {}

/** Runs the callback in a transaction that statements begin and end. Rolls back when it throws. */
export async function between(run, callback, [begin, commit, rollback] = ['BEGIN', 'COMMIT', 'ROLLBACK']) {
  await run(begin);
  try {
    await callback();
  } catch (error) {
    await run(rollback);
    throw error;
  }
  await run(commit);
}

export const SAVEPOINT = ['SAVEPOINT inner_one', 'RELEASE SAVEPOINT inner_one', 'ROLLBACK TO SAVEPOINT inner_one'];
