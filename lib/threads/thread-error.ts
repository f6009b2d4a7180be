import { TasksError } from '../task/task-errors.js';

/**
 * Function that could not run in its thread, or whose thread ended first. Errors of the function itself arrive
 * unchanged.
 *
 * @publicApi
 */
export class ThreadError extends TasksError {
  readonly code = 'THREAD';

  constructor(
    /** Path of the file. */
    readonly file: string,
    /** Name of the function's export. */
    readonly exportName: string,
    problem: string,
    remedy?: string,
    options?: ErrorOptions,
  ) {
    super(`${exportName} of ${file}: ${problem}.${remedy === undefined ? '' : ` ${remedy}.`}`, options);
  }
}
