import { findPackage } from '../package/optional-package.js';
import { packageMissing } from '../task/usage-errors.js';
import type { OutboxValue } from '../queue/broker/outbox/outbox-database.js';

type Sql = (pieces: TemplateStringsArray, ...values: readonly OutboxValue[]) => object;

const NAME = 'drizzle-orm';
let found: Sql | undefined;

/**
 * Returns a statement as Drizzle's, with parameters in place of the question marks. Drizzle writes them as the database does.
 *
 * @throws {TasksUsageError} `PACKAGE_MISSING` where Drizzle is not installed, or too old.
 */
export function drizzleSql(statement: string, parameters: readonly OutboxValue[]): object {
  found ??= load();
  const pieces = statement.split('?');
  return found(Object.assign(pieces, { raw: pieces }), ...parameters);
}

function load(): Sql {
  const search = findPackage<{ sql: Sql }>(NAME);
  if ('problem' in search) throw packageMissing('fromDrizzle()', NAME, search.problem);
  return search.found.sql;
}
