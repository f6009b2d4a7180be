import { labelText } from '../../task/log-text.js';
import { describeType, describeValue, isError, TasksError } from '../../task/task-errors.js';
import { BUNDLE_REMEDY, TasksUsageError } from '../../task/usage-errors.js';
import { driverError } from './driver-error.js';

/** A durable task, or a message to one, is declared in a way that cannot work. */
export function badRegistration(problem: string): TasksUsageError {
  return new TasksUsageError('TASK_REGISTRATION', problem);
}

/** A strike names a parameter that its task does not have. @param known those that it has. */
export function unknownParameter(task: string, parameter: string, known: readonly string[]): TasksUsageError {
  return new TasksUsageError(
    'UNKNOWN_PARAMETER',
    `Task ${labelText(task)} has no parameter '${labelText(parameter)}'. It has: ${known.join(', ') || 'none with a name'}. Name a parameter with @Arg() where the build changes the names in the source.`,
  );
}

/** A package of the broker is not installed, or too old. @param driver the package, and what is wrong with it. */
export function driverMissing(driver: string, packages: readonly string[], options?: ErrorOptions): TasksUsageError {
  return new TasksUsageError(
    'DRIVER_MISSING',
    `The queue needs the package ${driver}. Install it: npm install ${packages.join(' ')}. ${BUNDLE_REMEDY}`,
    options,
  );
}

/** How many tasks a message names. */
const MAX_NAMES = 20;

/**
 * The queue was given a task that it does not know.
 *
 * @publicApi
 */
export class TaskNotRegisteredError extends TasksError {
  readonly code = 'TASK_NOT_REGISTERED';

  /** @param remedy what to do instead of declaring it. */
  constructor(task: unknown, known: readonly string[], remedy?: string) {
    const what =
      typeof task === 'string'
        ? `No task '${labelText(task)}' is declared in this process`
        : `${describeValue(task)} is not a durable task`;
    const others = typeof task === 'string' ? ', or pass { remote: true } when only other processes declare it.' : '.';
    super(
      `${what}. Declared: ${listOf(known)}. ${remedy ?? `Put @Durable() on the method and its class into the providers of a module${others}`}`,
    );
  }
}

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const listed = names.toSorted().slice(0, MAX_NAMES).map(labelText).join(', ');
  return names.length > MAX_NAMES ? `${listed} and ${names.length - MAX_NAMES} more` : listed;
}

/**
 * An argument or option of an execution cannot be used. Nothing was added. The message names the argument and its type,
 * never its value.
 *
 * @publicApi
 */
export class TaskArgumentError extends TasksError {
  readonly code = 'TASK_ARGUMENT';

  constructor(
    /** The task's name. */
    readonly task: string,
    /** Which argument or option, such as `args[0].file`. */
    readonly argument: string,
    value: unknown,
    allowed: string,
    shown = describeType(value),
  ) {
    super(`${labelText(argument)} of task ${labelText(task)} is ${shown}. Allowed: ${allowed}.`);
  }
}

/**
 * The broker could not be reached, so nothing is known to have been done. Its cause has the name, message and code of the
 * driver's error, and nothing else of it.
 *
 * @publicApi
 */
export class BrokerUnavailableError extends TasksError {
  readonly code = 'BROKER_UNAVAILABLE';
  /**
   * `false`: the call may have arrived, and to repeat it could do its work twice, such as an `add()` without a key that
   * was sent and not answered.
   */
  readonly isRepeatable: boolean;

  constructor(broker: string, what: string, options: ErrorOptions & { isRepeatable?: boolean } = {}) {
    const { cause, isRepeatable = true } = options;
    const shown = cause === undefined ? undefined : driverError(cause);
    const why = isError(cause) && what === cause.message ? (shown?.message ?? what) : what;
    const advice = isRepeatable
      ? 'Nothing is lost by trying again, best under the same key.'
      : 'The execution may have been added all the same: without a key, trying again may run the task twice. Add it under a key.';
    super(`${broker} cannot be reached: ${why.replace(/\.$/, '')}. ${advice}`, shown && { cause: shown });
    this.isRepeatable = isRepeatable;
  }
}

/**
 * A run's lease has expired, and another worker may run the execution: what this run does is not recorded any more. It
 * is the reason of the run's aborted signal.
 *
 * @publicApi
 */
export class LeaseLostError extends TasksError {
  readonly code = 'LEASE_LOST';

  constructor(key: string, options?: ErrorOptions) {
    super(
      `The lease on execution ${labelText(key)} was lost: its worker did not renew it in time, and another may run it. A task that blocks the event loop for longer than worker.lease loses its lease.`,
      options,
    );
  }
}

/**
 * An execution's process has died in it more often than its budget allows, and it is not started again.
 *
 * @publicApi
 */
export class TaskCrashedError extends TasksError {
  readonly code = 'TASK_CRASHED';

  constructor(
    task: string,
    /** How many runs never came to an end. */
    readonly crashes: number,
  ) {
    super(`Task ${labelText(task)} has lost its worker ${crashes} times in a row, and may well be the reason.`);
  }
}

/**
 * What is stored of an execution cannot be read: it was written by something else than this library, by another version
 * of it, or is damaged. The execution has failed, and never ran.
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
    super(`The record of execution ${key} cannot be read: ${why}. Add the execution again.`);
  }
}

/**
 * `result()` of an execution that was cancelled.
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
 * `result()` of an execution that a rule of the queue did not let run.
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
 * `result()` of an execution that the queue does not know, or not any more.
 *
 * @publicApi
 */
export class ExecutionNotFoundError extends TasksError {
  readonly code = 'EXECUTION_NOT_FOUND';

  constructor(readonly key: string) {
    super(`The queue knows no execution ${labelText(key)}. Ended ones are kept for queue.retention.`);
  }
}

/**
 * `result()` was not there in time. The execution goes on; where no worker of the fleet is there for it, the message says
 * so.
 *
 * @publicApi
 */
export class ResultTimeoutError extends TasksError {
  readonly code = 'RESULT_TIMEOUT';

  constructor(
    readonly key: string,
    /** In milliseconds. */
    readonly timeout: number,
    state: string,
    reason = 'It goes on all the same.',
  ) {
    super(`Execution ${labelText(key)} is ${state}, and has no result after ${timeout} ms. ${reason}`);
  }
}

/**
 * What a task returned cannot be stored, so `result()` has nothing to give. The execution itself is completed.
 *
 * @publicApi
 */
export class TaskResultError extends TasksError {
  readonly code = 'TASK_RESULT';
}
