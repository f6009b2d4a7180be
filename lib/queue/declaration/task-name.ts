import { TasksConfigError } from '../../task/task-errors.js';

declare const SIGNATURE: unique symbol;

/**
 * Name of a durable task that knows its arguments and its result. A string at run time.
 *
 * @publicApi
 */
export type TaskName<F extends (...args: never[]) => unknown> = string & { readonly [SIGNATURE]: F };

/**
 * Names a task with its types, where its class cannot be injected: another application declares it, or the two modules
 * would import each other. Everything that takes a task takes it.
 *
 * @param name as in `@Durable(name)`.
 * @throws {TasksConfigError} when it is not a string, or empty.
 * @example
 * ```ts
 * export const sendMail = taskName<(message: Mail) => void>('mail.send');
 *
 * await this.queue.add(sendMail, { key: `mail:${id}`, remote: true })({ to, subject });
 * ```
 * @publicApi
 */
export function taskName<F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
  name: string,
): TaskName<F> {
  if (typeof name !== 'string' || name === '') {
    throw new TasksConfigError('taskName()', name, 'the name of a task, as in @Durable(name)');
  }
  return name as TaskName<F>;
}
