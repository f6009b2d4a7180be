import { types } from 'node:util';

/**
 * Base of every error that this library creates. `code` is stable and meant for programs, the message for people.
 *
 * @publicApi
 */
export abstract class TasksError extends Error {
  /** A stable identifier, such as `TASK_TIMEOUT`. */
  abstract readonly code: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/**
 * An option has a value that cannot be used. Thrown at bootstrap for module options, at the call for `task({...})`
 * and at class definition for decorators.
 *
 * @publicApi
 */
export class TasksConfigError extends TasksError {
  readonly code = 'TASKS_CONFIG';

  constructor(
    /** The option's path, such as `shutdown.gracePeriod`. */
    readonly option: string,
    /** The value that was refused. */
    readonly value: unknown,
    /** What the option accepts. */
    allowed: string,
  ) {
    super(`${option} is ${describeValue(value)}. Allowed: ${allowed}.`);
  }
}

/**
 * The tasks module is not set up where it was needed.
 *
 * @publicApi
 */
export class TasksModuleMissingError extends TasksError {
  readonly code = 'TASKS_MODULE_MISSING';

  /** @param more another remedy. */
  constructor(what: string, more?: string) {
    super(
      `${what}. Add TasksModule.forRoot() to the imports of the root module: @Module({ imports: [TasksModule.forRoot()] }).${more === undefined ? '' : ` ${more}`}`,
    );
  }
}

/**
 * A member of `TaskContext`, or `currentTask()`, was used outside a running task.
 *
 * @publicApi
 */
export class NoActiveTaskError extends TasksError {
  readonly code = 'NO_ACTIVE_TASK';

  constructor() {
    super(
      'No task is running here. Call this from a task function, its onError handler or what they call, or check context.isActive first.',
    );
  }
}

/**
 * A member of `TaskContext` that only durable executions have was used in a task that runs only in this process.
 *
 * @publicApi
 */
export class NotDurableError extends TasksError {
  readonly code = 'NOT_DURABLE';

  constructor(task: string, member: string) {
    super(
      `context.${member} is there in durable executions only, and ${task} was scheduled in this process. Add it with queue.add() instead.`,
    );
  }
}

/**
 * `context.perpetual` was used in a durable task that is not perpetual.
 *
 * @publicApi
 */
export class NotPerpetualError extends TasksError {
  readonly code = 'NOT_PERPETUAL';

  constructor(task: string) {
    super(`context.perpetual is there in perpetual tasks only, and ${task} is none. Put @Perpetual() on its method.`);
  }
}

/**
 * A task ran longer than its `timeout`. Its signal was aborted with this error as the reason.
 *
 * @publicApi
 */
export class TaskTimeoutError extends TasksError {
  readonly code = 'TASK_TIMEOUT';

  constructor(
    task: string,
    /** The limit in milliseconds. */
    readonly timeout: number,
  ) {
    super(
      `Task ${task} ran longer than its timeout of ${timeout} ms. Its signal is aborted; a function that does not watch the signal goes on unobserved, unless it runs in a thread, which is ended.`,
    );
  }
}

/**
 * A task was cancelled, by `task.cancel()` or by the shutdown of the application. It is the reason of the aborted signal.
 *
 * @publicApi
 */
export class TaskCancelledError extends TasksError {
  readonly code = 'TASK_CANCELLED';

  constructor(
    task: string,
    /** What was given to `cancel()`, or `'shutdown'`. */
    readonly reason?: unknown,
  ) {
    super(
      reason === undefined ? `Task ${task} was cancelled.` : `Task ${task} was cancelled: ${describeValue(reason)}.`,
      isError(reason) ? { cause: reason } : undefined,
    );
  }
}

/**
 * Creates the error that a task is cancelled with. That of a shutdown has no stack: it cancels all tasks at once, and the
 * stack would be most of the cost, and show the shutdown alone.
 */
export function createCancellation(task: string, reason: unknown): TaskCancelledError {
  if (reason !== 'shutdown') return new TaskCancelledError(task, reason);
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 0); // an assignment would throw where intrinsics are frozen
  try {
    return new TaskCancelledError(task, reason);
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/**
 * A task will never start: its route did not end as its `runOn` asks, it was cancelled before its start, or the
 * application has shut down.
 *
 * @publicApi
 */
export class TaskDiscardedError extends TasksError {
  readonly code: string = 'TASK_DISCARDED';

  constructor(
    task: string,
    /** Why, such as `route failed`. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Task ${task} will not run: ${reason}.`, options);
  }
}

/**
 * A task will never start: its pool has as many running and waiting tasks as it takes. Thrown by `schedule()` where the
 * pool's `overflow` is `'reject'`.
 *
 * @publicApi
 */
export class TaskPoolFullError extends TaskDiscardedError {
  override readonly code = 'TASK_POOL_FULL';

  constructor(
    task: string,
    /** The pool's name; `'default'` for tasks that name none. */
    readonly pool: string,
    { running, waiting, held }: { readonly running: number; readonly waiting: number; readonly held: number },
  ) {
    const holding = held === 0 ? '' : `, and ${held} held for later by open requests`;
    super(task, `pool '${pool}' is full, ${running} running and ${waiting} waiting${holding}`);
  }
}

/**
 * An optional package is needed and not installed.
 *
 * @publicApi
 */
export class PackageMissingError extends TasksError {
  readonly code = 'PACKAGE_MISSING';

  /** @param what what needs it, such as `A task with a thread`. */
  constructor(what: string, packages: readonly string[], options?: ErrorOptions) {
    super(
      `${what} needs the package ${packages.join(' and ')}, which is not installed. Install it: npm install ${packages.join(' ')}`,
      options,
    );
  }
}

/**
 * `retry()` was called on a task that has not ended yet.
 *
 * @publicApi
 */
export class TaskNotEndedError extends TasksError {
  readonly code = 'TASK_NOT_ENDED';

  constructor(task: string, status: string) {
    super(
      `Task ${task} cannot be retried while it is ${status}. Retry it from its onError handler, or after its done has settled.`,
    );
  }
}

/**
 * A task was awaited where that keeps the task from starting: in the handler at whose end it starts, or in tasks that
 * take all the slots of its pool. The task itself stays, and runs when it can.
 *
 * @publicApi
 */
export class TaskWaitError extends TasksError {
  readonly code = 'TASK_WAIT';

  constructor(cycle: string, remedy: string) {
    super(`${cycle} ${remedy}`);
  }
}

/**
 * A method was passed unbound, and its `this` cannot be told.
 *
 * @publicApi
 */
export class TaskHostError extends TasksError {
  readonly code = 'TASK_HOST';

  /** @param config options of the method's decorators, which a bound function does not carry. */
  constructor(method: string, why: string, config: object) {
    const options =
      Object.keys(config).length > 0
        ? ', and repeat the options of its decorators in task({...}): a bound function does not carry them'
        : '';
    super(
      `${method} was passed unbound, and ${why}. Bind it, as in schedule(provider.${method}.bind(provider), …)${options}.`,
    );
  }
}

/** Errors of another realm count too: under jest, what Node's own APIs throw is not an `instanceof` the test's Error. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false; // a Proxy may refuse to be asked
  }
}

/** Whether `error` says no more than that `cancellation` has come: it is that, or what Node's own APIs make of it. */
export function isAbortOf(cancellation: TaskCancelledError | undefined, error: unknown): boolean {
  if (cancellation === undefined) return false;
  try {
    return error === cancellation || (isError(error) && (error.name === 'AbortError' || error.cause === cancellation));
  } catch {
    return false; // an error's own getters may throw
  }
}

/** A value in an error message: short, quoted where it is a string, and never a reason to fail. */
export function describeValue(value: unknown): string {
  try {
    if (typeof value === 'string') return `'${value}'`;
    if (isError(value)) return String(value.message);
    if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
    if (typeof value === 'object' && value !== null) return `a value of type ${value.constructor?.name ?? 'Object'}`;
    return String(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}
