import { TasksError } from '../task/task-errors.js';

/**
 * A function could not run in its thread, or its thread ended before it did. What the function itself throws arrives as
 * it is.
 *
 * @publicApi
 */
export class ThreadError extends TasksError {
  readonly code = 'THREAD';

  constructor(
    /** The file's path. */
    readonly file: string,
    /** The name of the function's export. */
    readonly exportName: string,
    problem: string,
    remedy?: string,
    options?: ErrorOptions,
  ) {
    super(`${exportName} of ${file}: ${problem}.${remedy === undefined ? '' : ` ${remedy}.`}`, options);
  }
}
