import { types } from 'node:util';
import { labelText, messageText } from './log-text.js';

/**
 * Base of every error that this library creates. `code` is stable and meant for programs, the message for people: one
 * line of at most 2 kB, in which control characters of names, keys and reasons are escaped.
 *
 * @publicApi
 */
export abstract class TasksError extends Error {
  /** A stable identifier, such as `TASK_TIMEOUT`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(messageText(message), options);
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** A URL with a password, which may stand in any option by mistake. */
const CREDENTIALS = /:\/\/.*@/s;

/**
 * An option has a value that cannot be used. Thrown at bootstrap for module options, at the call for `task({...})`
 * and at class definition for decorators.
 *
 * @publicApi
 */
export class TasksConfigError extends TasksError {
  readonly code = 'TASKS_CONFIG';

  /** The value that was refused; `'…'` where it holds a password, or may. */
  readonly value: unknown;

  constructor(
    /** The option's path, such as `shutdown.gracePeriod`. */
    readonly option: string,
    value: unknown,
    /** What the option accepts. */
    allowed: string,
    /** What is wrong, where it is not the value. */
    what?: string,
  ) {
    const shown = typeof value === 'string' && CREDENTIALS.test(value) ? '…' : value;
    super(`${option} is ${what ?? describeValue(shown)}. Allowed: ${allowed}.`);
    this.value = shown;
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

/** Describes an option in a message: short, quoted where it is a string, and never a reason to fail. */
export function describeValue(value: unknown): string {
  try {
    if (typeof value === 'string') return `'${labelText(value)}'`;
    if (isError(value)) return labelText(String(value.message));
    if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${labelText(value.name)}`;
    if (typeof value === 'object' && value !== null) return `a value of type ${classOf(value)}`;
    return labelText(String(value));
  } catch {
    return `a value of type ${typeof value}`;
  }
}

/** Describes an argument in a message by its type alone: its value is what users have typed. */
export function describeType(value: unknown): string {
  try {
    switch (typeof value) {
      case 'undefined':
        return 'undefined';
      case 'string':
        return value === '' ? 'an empty string' : 'a string';
      case 'number':
        return describeNumber(value);
      case 'object':
        if (value === null) return 'null';
        if (types.isDate(value) && Number.isNaN(value.getTime())) return 'Invalid Date';
        return `a value of type ${classOf(value)}`;
      default:
        return `a ${typeof value}`;
    }
  } catch {
    return `a value of type ${typeof value}`;
  }
}

function describeNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value < 0) return 'a negative number';
  return Number.isInteger(value) ? 'a number' : 'a fraction';
}

/** Of its prototype: a property named `constructor` is data. */
function classOf(value: object): string {
  try {
    const prototype = Object.getPrototypeOf(value) as object | null;
    return labelText(String(prototype?.constructor?.name ?? 'Object'));
  } catch {
    return 'Object'; // a Proxy may refuse to be asked
  }
}
