import { TasksError } from './task-errors.js';

/**
 * Cases of {@link TasksUsageError}.
 *
 * | code | case |
 * | --- | --- |
 * | `TASKS_MODULE_MISSING` | `TasksModule.forRoot()` is not imported, or not for this transport |
 * | `PACKAGE_MISSING` | an optional package is needed, and not installed or too old |
 * | `PAGE_MISSING` | the files of the dashboard's page are not beside its code |
 * | `DRIVER_MISSING` | a package of the queue's broker is not installed, or too old |
 * | `TWO_HALVES` | the process loads the package both as ES module and as CommonJS |
 * | `TASK_HOST` | a method was passed unbound, and its provider cannot be determined |
 * | `TASK_NOT_ENDED` | `retry()` of a task that waits or runs |
 * | `NOT_DURABLE` | a member of `TaskContext` for durable executions, in a task of this process |
 * | `NOT_PERPETUAL` | `context.perpetual` in a durable task that is not perpetual |
 * | `NO_REQUEST` | `TasksService` outside of a request |
 * | `NO_ROUTE` | a batch where its moment cannot be observed |
 * | `REPLY_UNDERWAY` | `afterRoute.enqueue()` where the response cannot wait |
 * | `TASK_REGISTRATION` | a durable task is declared in a way that cannot work |
 * | `QUEUE_PAUSED` | `runUntilFinished()` or `runAtMost()` while the queue is paused |
 * | `UNKNOWN_PARAMETER` | a strike names a parameter that its task does not have |
 *
 * @publicApi
 */
export type TasksUsageCode =
  | 'TASKS_MODULE_MISSING'
  | 'PACKAGE_MISSING'
  | 'PAGE_MISSING'
  | 'DRIVER_MISSING'
  | 'TWO_HALVES'
  | 'TASK_HOST'
  | 'TASK_NOT_ENDED'
  | 'NOT_DURABLE'
  | 'NOT_PERPETUAL'
  | 'NO_REQUEST'
  | 'NO_ROUTE'
  | 'REPLY_UNDERWAY'
  | 'TASK_REGISTRATION'
  | 'QUEUE_PAUSED'
  | 'UNKNOWN_PARAMETER';

/**
 * Wrong use or setup of the library. Nothing was done. The remedy is a change of the code, named in the message; a
 * retry does not help.
 *
 * @publicApi
 */
export class TasksUsageError extends TasksError {
  constructor(
    /** Case of the misuse. */
    readonly code: TasksUsageCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Creates the error for a tasks module that is not set up where it was needed. @param more another remedy. */
export function moduleMissing(what: string, more?: string): TasksUsageError {
  return new TasksUsageError(
    'TASKS_MODULE_MISSING',
    `${what}. Add TasksModule.forRoot() to the imports of the root module: @Module({ imports: [TasksModule.forRoot()] }).${more === undefined ? '' : ` ${more}`}`,
  );
}

/** Remedy where a package is installed and not found. */
export const BUNDLE_REMEDY = 'A bundled application marks it as external, and ships its node_modules.';

/**
 * Creates the error for an optional package that is not installed, or too old.
 *
 * @param feature subject of the message, such as `A task with a thread`.
 */
export function packageMissing(
  feature: string,
  name: string,
  { what, install, cause }: { readonly what: string; readonly install: string; readonly cause?: unknown },
): TasksUsageError {
  return new TasksUsageError(
    'PACKAGE_MISSING',
    `${feature} needs the package ${name}${what}. Install it: npm install ${install}. ${BUNDLE_REMEDY}`,
    { cause },
  );
}

/**
 * Creates the error for a method passed unbound. @param config options of its decorators, which a bound function lacks.
 */
export function hostUnknown(method: string, why: string, config: object): TasksUsageError {
  const options =
    Object.keys(config).length > 0
      ? '. Repeat the options of its decorators in task({...}): a bound function does not carry them'
      : '';
  return new TasksUsageError(
    'TASK_HOST',
    `Cannot tell which provider method '${method}' belongs to: ${why}. Bind it, as in schedule(provider.${method}.bind(provider), …)${options}. See docs/errors.md#unbound-methods.`,
  );
}

/** Creates the error for a `retry()` of a task that has not ended yet. */
export function notEnded(task: string, status: string): TasksUsageError {
  return new TasksUsageError(
    'TASK_NOT_ENDED',
    `Task ${task} cannot be retried while it is ${status}. Retry it from its onError handler, or after task.done.`,
  );
}

/** Creates the error for a durable member of `TaskContext` in a task of this process. */
export function notDurable(task: string, member: string): TasksUsageError {
  return new TasksUsageError(
    'NOT_DURABLE',
    `context.${member} is available only in durable executions; task ${task} runs in this process. Add it with queue.add() instead.`,
  );
}

/** Creates the error for `context.perpetual` in a durable task that is not perpetual. */
export function notPerpetual(task: string): TasksUsageError {
  return new TasksUsageError(
    'NOT_PERPETUAL',
    `context.perpetual is available only in perpetual tasks; ${task} is not one. Put @Perpetual() on its method.`,
  );
}
