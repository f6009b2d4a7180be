import { types } from 'node:util';
import { labelText, messageText } from './log-text.js';

/**
 * Base of every error that this library creates. `code` is stable and meant for programs, the message for people: one
 * line of at most 2 kB. Control characters of names, keys and reasons are escaped.
 *
 * @publicApi
 */
export abstract class TasksError extends Error {
  /** Stable identifier, such as `TASK_TIMEOUT`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(messageText(message), options);
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** Pattern of a URL with a password, which may stand in any option by mistake. */
const CREDENTIALS = /:\/\/.*@/s;

/**
 * Option with a value that cannot be used. Thrown at bootstrap for module options, at the call for `task({...})` and at
 * class definition for decorators.
 *
 * @publicApi
 */
export class TasksConfigError extends TasksError {
  readonly code = 'TASKS_CONFIG';

  /** Value that was refused; `'…'` where it may hold a password. */
  readonly value: unknown;

  constructor(
    /** Path of the option, such as `shutdown.gracePeriod`. */
    readonly option: string,
    value: unknown,
    /** Accepted values. */
    allowed: string,
    /** Problem, where it is not the value. */
    what?: string,
  ) {
    const shown = typeof value === 'string' && CREDENTIALS.test(value) ? '…' : value;
    super(`${option} is ${what ?? describeValue(shown)}. Allowed: ${allowed}.`);
    this.value = shown;
  }
}

/**
 * Use of `currentTask()` or a member of `TaskContext` outside a running task.
 *
 * @publicApi
 */
export class NoActiveTaskError extends TasksError {
  readonly code = 'NO_ACTIVE_TASK';

  constructor() {
    super(
      'No task is running here. Call this from a task function or its onError handler, or check context.isActive first.',
    );
  }
}

/**
 * Task that ran longer than its `timeout`. Its signal was aborted with this error as the reason.
 *
 * @publicApi
 */
export class TaskTimeoutError extends TasksError {
  readonly code = 'TASK_TIMEOUT';

  constructor(
    task: string,
    /** Limit in milliseconds. */
    readonly timeout: number,
  ) {
    super(
      `Task ${task} ran longer than its timeout of ${timeout} ms. Its signal is aborted. A function that ignores the signal continues unobserved; a thread is terminated.`,
    );
  }
}

/**
 * Task that was cancelled, by `task.cancel()` or by the shutdown of the application. Reason of the aborted signal.
 *
 * @publicApi
 */
export class TaskCancelledError extends TasksError {
  readonly code = 'TASK_CANCELLED';

  constructor(
    task: string,
    /** Argument of `cancel()`, or `'shutdown'`. */
    readonly reason?: unknown,
  ) {
    super(
      reason === undefined ? `Task ${task} was cancelled.` : `Task ${task} was cancelled: ${describeValue(reason)}.`,
      isError(reason) ? { cause: reason } : undefined,
    );
  }
}

/**
 * Creates the error of a cancellation. The one of a shutdown has no stack: a stack for each task would be most of the
 * cost, and show only the shutdown.
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
 * Task that will never start: its route did not end as its `runOn` asks, it was cancelled before, or the application
 * has shut down.
 *
 * @publicApi
 */
export class TaskDiscardedError extends TasksError {
  readonly code: string = 'TASK_DISCARDED';

  constructor(
    task: string,
    /** Reason, such as `route failed`. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Task ${task} will not run: ${reason}.`, options);
  }
}

/**
 * Task that will never start: its pool is full of running and waiting tasks. Thrown by `schedule()` where the pool's
 * `overflow` is `'reject'`.
 *
 * @publicApi
 */
export class TaskPoolFullError extends TaskDiscardedError {
  override readonly code = 'TASK_POOL_FULL';

  constructor(
    task: string,
    /** Name of the pool; `'default'` for tasks that name none. */
    readonly pool: string,
    { running, waiting, held }: { readonly running: number; readonly waiting: number; readonly held: number },
  ) {
    const holding = held === 0 ? '' : `, ${held} held by open requests`;
    super(task, `pool '${pool}' is full (${running} running, ${waiting} waiting${holding})`);
  }
}

/**
 * Task that was awaited where the wait prevents its start: in the handler at whose end it starts, or in tasks that fill
 * its pool. The task itself stays, and runs when it can.
 *
 * @publicApi
 */
export class TaskWaitError extends TasksError {
  readonly code = 'TASK_WAIT';
}

/**
 * Tells errors from other values, errors of another realm included: under jest, errors of Node's own APIs are not
 * `instanceof` the test's Error.
 */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false; // a Proxy may refuse the access
  }
}

/** Tells errors that only report the `cancellation`: the cancellation itself, or the AbortError of Node's own APIs. */
export function isAbortOf(cancellation: TaskCancelledError | undefined, error: unknown): boolean {
  if (cancellation === undefined) return false;
  try {
    return error === cancellation || (isError(error) && (error.name === 'AbortError' || error.cause === cancellation));
  } catch {
    return false; // an error's own getters may throw
  }
}

/** Describes a value in a message: short, strings quoted. Never throws. */
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

/** Describes an argument by its type alone: its value may come from users. */
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

/** Returns the class name by the prototype: a property named `constructor` is data. */
function classOf(value: object): string {
  try {
    const prototype = Object.getPrototypeOf(value) as object | null;
    return labelText(String(prototype?.constructor?.name ?? 'Object'));
  } catch {
    return 'Object'; // a Proxy may refuse the access
  }
}
