import { labelText } from '../../task/log-text.js';
import { describeType, describeValue, isError, TasksError } from '../../task/task-errors.js';
import { BUNDLE_REMEDY, TasksUsageError } from '../../task/usage-errors.js';
import { driverError } from './driver-error.js';
import { durationText } from './duration-text.js';

/** Creates the error of a durable task, or a message to one, that is declared in a way that cannot work. */
export function badRegistration(problem: string): TasksUsageError {
  return new TasksUsageError('TASK_REGISTRATION', problem);
}

/** Creates the error of a wait for an end that cannot come. @param call such as `runUntilFinished()`. */
export function queuePaused(call: string): TasksUsageError {
  return new TasksUsageError('QUEUE_PAUSED', `${call} cannot end: the queue is paused. Call queue.resume() first.`);
}

/** Creates the error of a strike that names a parameter which its task does not have. @param known the task's parameters. */
export function unknownParameter(task: string, parameter: string, known: readonly string[]): TasksUsageError {
  return new TasksUsageError(
    'UNKNOWN_PARAMETER',
    `Task ${labelText(task)} has no parameter '${labelText(parameter)}'. Parameters: ${known.join(', ') || 'none with a name'}. Use @Arg() where the build renames parameters.`,
  );
}

/** Creates the error of a package of the broker that is missing or too old. @param driver the package, and its fault. */
export function driverMissing(driver: string, packages: readonly string[], options?: ErrorOptions): TasksUsageError {
  return new TasksUsageError(
    'DRIVER_MISSING',
    `The queue needs the package ${driver}. Install it: npm install ${packages.join(' ')}. ${BUNDLE_REMEDY}`,
    options,
  );
}

/** Number of tasks that a message names. */
const MAX_NAMES = 20;

/**
 * Task that the queue does not know.
 *
 * @publicApi
 */
export class TaskNotRegisteredError extends TasksError {
  readonly code = 'TASK_NOT_REGISTERED';

  /** @param remedy replaces the advice to declare the task. */
  constructor(task: unknown, known: readonly string[], remedy?: string) {
    const what =
      typeof task === 'string'
        ? `No task '${labelText(task)}' is declared in this process`
        : `${describeValue(task)} is not a durable task`;
    const others = typeof task === 'string' ? ', or pass { remote: true } if only other processes declare it.' : '.';
    super(
      `${what}. Declared: ${listOf(known)}. ${remedy ?? `Put @Durable() on the method, and its class into the providers of a module${others}`}`,
    );
  }
}

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const listed = names.toSorted().slice(0, MAX_NAMES).map(labelText).join(', ');
  return names.length > MAX_NAMES ? `${listed} and ${names.length - MAX_NAMES} more` : listed;
}

/**
 * Argument or option of an execution that cannot be used. Nothing was added. The message names the argument and its type,
 * never its value.
 *
 * @publicApi
 */
export class TaskArgumentError extends TasksError {
  readonly code = 'TASK_ARGUMENT';

  constructor(
    /** Name of the task. */
    readonly task: string,
    /** Path of the argument or option, such as `args[0].file`. */
    readonly argument: string,
    value: unknown,
    allowed: string,
    shown = describeType(value),
  ) {
    super(`${labelText(argument)} of task ${labelText(task)} is ${shown}. Allowed: ${allowed}.`);
  }
}

/**
 * Carrier of `queue.carriers` that failed: in `capture()` the addition was refused; in `restore()` the attempt has failed.
 * The cause is the carrier's own error. The message never shows a carried value.
 *
 * @publicApi
 */
export class CarrierError extends TasksError {
  readonly code = 'CARRIER';

  constructor(
    /** Name of the carrier. */
    readonly carrier: string,
    what: string,
    options?: ErrorOptions,
  ) {
    super(`Carrier '${labelText(carrier)}': ${what}.`, options);
  }
}

/**
 * Broker that could not be reached: nothing is known to have been done. The cause has the name, message and code of the
 * driver's error, and nothing else of it.
 *
 * @publicApi
 */
export class BrokerUnavailableError extends TasksError {
  readonly code = 'BROKER_UNAVAILABLE';
  /**
   * `false`: the call may have arrived, and a repeated one could do its work twice. Such as an `add()` without a key that
   * was sent and not answered.
   */
  readonly isRepeatable: boolean;

  constructor(broker: string, what: string, options: ErrorOptions & { isRepeatable?: boolean } = {}) {
    const { cause, isRepeatable = true } = options;
    const shown = cause === undefined ? undefined : driverError(cause);
    const why = isError(cause) && what === cause.message ? (shown?.message ?? what) : what;
    const advice = isRepeatable
      ? 'Retrying is safe; use the same key.'
      : 'The execution may have been added, and a retry without a key may run the task twice. Pass a key.';
    super(`${broker} is unreachable: ${why.replace(/\.$/, '')}. ${advice}`, shown && { cause: shown });
    this.isRepeatable = isRepeatable;
  }
}

/**
 * Expired lease of a run: another worker may run the execution, and the end of this run is not stored. Reason of the
 * run's aborted signal.
 *
 * @publicApi
 */
export class LeaseLostError extends TasksError {
  readonly code = 'LEASE_LOST';

  constructor(key: string, options?: ErrorOptions) {
    super(
      `The lease of execution ${labelText(key)} was lost: its worker did not renew it in time, and another worker may run it. Do not block the event loop for longer than worker.lease.`,
      options,
    );
  }
}

/**
 * Execution whose process died in it more often than its budget allows. It is not started again.
 *
 * @publicApi
 */
export class TaskCrashedError extends TasksError {
  readonly code = 'TASK_CRASHED';

  constructor(
    task: string,
    /** Number of runs that never ended. */
    readonly crashes: number,
  ) {
    super(
      `The worker died ${crashes} times in a row while it ran task ${labelText(task)}. The task is failed, so that it takes no more workers down.`,
    );
  }
}

/**
 * Stored record of an execution that cannot be read: another program or another version of this library wrote it, or it
 * is damaged. The execution has failed, and never ran.
 *
 * @publicApi
 */
export class RecordUnreadableError extends TasksError {
  readonly code = 'RECORD_UNREADABLE';

  constructor(
    /** Key of the execution, or its id. */
    readonly key: string,
    why: string,
  ) {
    super(`The record of execution ${key} is unreadable: ${why}. Add the execution again.`);
  }
}

/**
 * Outcome of `result()` for an execution that was cancelled.
 *
 * @publicApi
 */
export class ExecutionCancelledError extends TasksError {
  readonly code = 'EXECUTION_CANCELLED';

  constructor(
    readonly key: string,
    readonly reason: string,
  ) {
    super(`Execution ${labelText(key)} was cancelled: ${reason}.`);
  }
}

/**
 * Outcome of `result()` for an execution that a rule of the queue did not let run.
 *
 * @publicApi
 */
export class ExecutionDroppedError extends TasksError {
  readonly code = 'EXECUTION_DROPPED';

  constructor(
    readonly key: string,
    readonly reason: string,
  ) {
    super(`Execution ${labelText(key)} was dropped: ${reason}.`);
  }
}

/**
 * Outcome of `result()` for an execution that the queue does not know, or does not know any more.
 *
 * @publicApi
 */
export class ExecutionNotFoundError extends TasksError {
  readonly code = 'EXECUTION_NOT_FOUND';

  constructor(readonly key: string) {
    super(`The queue knows no execution ${labelText(key)}. Ended executions are kept for queue.retention.`);
  }
}

/**
 * Result that did not come in time. The execution continues; if no worker of the fleet can run it, the message says so.
 *
 * @publicApi
 */
export class ResultTimeoutError extends TasksError {
  readonly code = 'RESULT_TIMEOUT';

  constructor(
    readonly key: string,
    /** Time that was waited, in milliseconds. */
    readonly timeout: number,
    state: string,
    remedy = 'The execution continues.',
  ) {
    super(`No result for execution ${labelText(key)} after ${durationText(timeout)} (state: ${state}). ${remedy}`);
  }
}

/**
 * Return value of a task that cannot be stored, for callers of `result()`. The execution itself is completed.
 *
 * @publicApi
 */
export class TaskResultError extends TasksError {
  readonly code = 'TASK_RESULT';
}
