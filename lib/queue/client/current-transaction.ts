import { findPackage } from '../../package/optional-package.js';
import { driverMissing, TaskArgumentError } from '../broker/queue-errors.js';

const NAME = '@nestjs-cls/transactional';
const ALLOWED = `a transaction, or 'current' within one of ${NAME}, such as in a method with @Transactional()`;

interface Host {
  readonly tx: unknown;
  isTransactionActive(): boolean;
}

interface Transactional {
  readonly TransactionHost: { getInstance(): Host };
}

/**
 * Returns the open transaction of @nestjs-cls/transactional, on its connection without a name.
 *
 * @param task name of the task that is added.
 * @throws {TasksUsageError} `DRIVER_MISSING` where the package is not installed, or too old.
 * @throws {TaskArgumentError} outside of a transaction.
 */
export function currentTransaction(task: string): unknown {
  const host = hostOf(loadTransactional());
  if (host?.isTransactionActive() === true) return host.tx;
  const shown = host === undefined ? "'current' without ClsPluginTransactional" : "'current' outside of a transaction";
  throw new TaskArgumentError(task, 'transaction', 'current', ALLOWED, shown);
}

function loadTransactional(): Transactional {
  const search = findPackage<Transactional>(NAME);
  if ('found' in search) return search.found;
  const { what, install, cause } = search.problem;
  throw driverMissing(`${NAME}${what}`, [install], { cause });
}

/** Returns nothing where the application has not registered the plugin: the package throws then. */
function hostOf({ TransactionHost }: Transactional): Host | undefined {
  try {
    return TransactionHost.getInstance();
  } catch {
    return undefined;
  }
}
