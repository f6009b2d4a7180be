import type { KnownOptions } from '../../task/known-options.js';
import { TaskArgumentError } from '../broker/queue-errors.js';

/**
 * @param task its name; the call itself where it is about none.
 * @param call how it is written, such as `queue.add()`.
 * @param remedy what else may have been meant.
 * @throws {TaskArgumentError} naming the first option that does not exist.
 */
export function checkCallOptions(
  known: KnownOptions<object>,
  options: object,
  task: string,
  call = task,
  remedy?: string,
): void {
  const unknown = known.find(options, call);
  if (unknown === undefined) return;
  const { name, what, allowed } = unknown;
  throw new TaskArgumentError(task, name, undefined, remedy === undefined ? allowed : `${allowed}: ${remedy}`, what);
}
