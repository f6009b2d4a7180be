import { TasksError } from './task-errors.js';

/**
 * Cases of {@link TasksUsageError}.
 *
 * | code | case |
 * | --- | --- |
 * | `TASKS_MODULE_MISSING` | `TasksModule.forRoot()` is not imported, or not for this transport |
 * | `PACKAGE_MISSING` | an optional package is needed, and not installed or too old |
 * | `DRIVER_MISSING` | a package of the queue's broker is not installed, or too old |
 * | `TWO_HALVES` | the process loads the package both as ES module and as CommonJS |
 * | `TASK_HOST` | a method was passed unbound, and its `this` cannot be told |
 * | `TASK_NOT_ENDED` | `retry()` of a task that waits or runs |
 * | `NOT_DURABLE` | a member of `TaskContext` for durable executions, in a task of this process |
 * | `NOT_PERPETUAL` | `context.perpetual` in a durable task that is not perpetual |
 * | `NO_REQUEST` | `TasksService` outside of a request |
 * | `NO_ROUTE` | a batch where nothing tells that its moment has come |
 * | `REPLY_UNDERWAY` | `afterRoute.enqueue()` where the response cannot wait |
 * | `TASK_REGISTRATION` | a durable task is declared in a way that cannot work |
 * | `UNKNOWN_PARAMETER` | a strike names a parameter that its task does not have |
 *
 * @publicApi
 */
export type TasksUsageCode =
  | 'TASKS_MODULE_MISSING'
  | 'PACKAGE_MISSING'
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
  | 'UNKNOWN_PARAMETER';

/**
 * The library is used or set up in a way that cannot work. Nothing was done. The remedy is a change of the code, which
 * the message names; no retry mends it.
 *
 * @publicApi
 */
export class TasksUsageError extends TasksError {
  constructor(
    /** Which case it is. */
    readonly code: TasksUsageCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The tasks module is not set up where it was needed. @param more another remedy. */
export function moduleMissing(what: string, more?: string): TasksUsageError {
  return new TasksUsageError(
    'TASKS_MODULE_MISSING',
    `${what}. Add TasksModule.forRoot() to the imports of the root module: @Module({ imports: [TasksModule.forRoot()] }).${more === undefined ? '' : ` ${more}`}`,
  );
}

/** Remedy where a package is installed and not found. */
export const BUNDLE_REMEDY = 'A bundled application marks it as external, and ships its node_modules.';

/**
 * An optional package is not installed, or too old.
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

/** A method was passed unbound. @param config options of its decorators, which a bound function does not carry. */
export function hostUnknown(method: string, why: string, config: object): TasksUsageError {
  const options =
    Object.keys(config).length > 0
      ? ', and repeat the options of its decorators in task({...}): a bound function does not carry them'
      : '';
  return new TasksUsageError(
    'TASK_HOST',
    `${method} was passed unbound, and ${why}. Bind it, as in schedule(provider.${method}.bind(provider), …)${options}.`,
  );
}

/** `retry()` was called on a task that has not ended yet. */
export function notEnded(task: string, status: string): TasksUsageError {
  return new TasksUsageError(
    'TASK_NOT_ENDED',
    `Task ${task} cannot be retried while it is ${status}. Retry it from its onError handler, or after its done has settled.`,
  );
}

/** A member of `TaskContext` for durable executions was used in a task of this process. */
export function notDurable(task: string, member: string): TasksUsageError {
  return new TasksUsageError(
    'NOT_DURABLE',
    `context.${member} is there in durable executions only, and ${task} was scheduled in this process. Add it with queue.add() instead.`,
  );
}

/** `context.perpetual` was used in a durable task that is not perpetual. */
export function notPerpetual(task: string): TasksUsageError {
  return new TasksUsageError(
    'NOT_PERPETUAL',
    `context.perpetual is there in perpetual tasks only, and ${task} is none. Put @Perpetual() on its method.`,
  );
}
