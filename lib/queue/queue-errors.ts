import { describeValue, TasksError } from '../task/task-errors.js';

/**
 * A durable task, or a message to one, is declared in a way that cannot work. Thrown at bootstrap.
 *
 * @publicApi
 */
export class TaskRegistrationError extends TasksError {
  readonly code = 'TASK_REGISTRATION';
}

/**
 * The queue was given a task that it does not know.
 *
 * @publicApi
 */
export class TaskNotRegisteredError extends TasksError {
  readonly code = 'TASK_NOT_REGISTERED';

  constructor(task: unknown, known: readonly string[]) {
    const names = known.length === 0 ? 'none' : known.toSorted().join(', ');
    super(
      `${typeof task === 'string' ? `No task '${task}' is declared in this process` : `${describeValue(task)} is not a durable task`}. ` +
        `Declared: ${names}. Put @Durable() on the method and its class into the providers of a module` +
        (typeof task === 'string' ? ', or pass { remote: true } when only other processes declare it.' : '.'),
    );
  }
}

/**
 * An argument or option of an execution cannot be used. Nothing was added.
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
  ) {
    super(`${argument} of task ${task} is ${describeValue(value)}. Allowed: ${allowed}.`);
  }
}

/**
 * A strike names a parameter that its task does not have. Nothing was struck.
 *
 * @publicApi
 */
export class UnknownParameterError extends TasksError {
  readonly code = 'UNKNOWN_PARAMETER';

  constructor(
    /** Its name. */
    readonly task: string,
    readonly parameter: string,
    /** Those that it has. */
    readonly known: readonly string[],
  ) {
    super(
      `Task ${task} has no parameter '${parameter}'. It has: ${known.join(', ') || 'none with a name'}. Name a parameter with @Arg() where the build changes the names in the source.`,
    );
  }
}

/**
 * The broker could not be reached, so nothing is known to have been done.
 *
 * @publicApi
 */
export class BrokerUnavailableError extends TasksError {
  readonly code = 'BROKER_UNAVAILABLE';

  constructor(broker: string, what: string, options?: ErrorOptions) {
    super(`${broker} cannot be reached: ${what}. Nothing is lost by trying again, best under the same key.`, options);
  }
}

/**
 * A package that the queue's `url` or `connection` needs is not installed.
 *
 * @publicApi
 */
export class DriverMissingError extends TasksError {
  readonly code = 'DRIVER_MISSING';

  constructor(driver: string, packages: readonly string[], options?: ErrorOptions) {
    super(`The queue needs the package ${driver}. Install it: npm install ${packages.join(' ')}`, options);
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
      `The lease on execution ${key} was lost: its worker did not renew it in time, and another may run it. A task that blocks the event loop for longer than worker.lease loses its lease.`,
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
    super(`Task ${task} has lost its worker ${crashes} times in a row, and may well be the reason.`);
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
    super(`Execution ${key} was cancelled: ${reason}.`);
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
    super(`Execution ${key} was dropped: ${reason}.`);
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
    super(`The queue knows no execution ${key}. Ended ones are kept for queue.retention.`);
  }
}

/**
 * `result()` was not there in time. The execution goes on.
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
  ) {
    super(`Execution ${key} is ${state}, and has no result after ${timeout} ms. It goes on all the same.`);
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
