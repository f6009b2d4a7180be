import type { AsyncResource } from 'node:async_hooks';
import type { Type } from '@nestjs/common';
import { createScope, currentActivity } from './task-activity.js';
import { labelText } from './log-text.js';
import { isPlainObject, nameOf } from './task-function.js';
import { TaskState } from './task-state.js';
import type { TaskOutcome, TaskStatus, TaskTiming } from './task-outcome.js';
import type { TaskCall, TaskKind, TaskOrigin, TaskPlace, TaskRun } from './task-parts.js';

/**
 * Handler of a failed task. May be async; its return value is ignored, and its own error is logged with the task's
 * error.
 *
 * Declared as a method so that a handler may narrow `error`, as in `(task, error: Error) => …`. At run time `error` is
 * any thrown value.
 *
 * @publicApi
 */
export type TaskErrorFunction = { handle(task: Task, error: unknown): unknown }['handle'];

/**
 * Provider that handles the errors of tasks. Nest resolves it, so it can inject its dependencies.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class ReportToSentry implements TaskErrorHandler {
 *   constructor(private readonly sentry: SentryService) {}
 *   onTaskError(task: Task, error: unknown) {
 *     this.sentry.capture(error, { task: task.name });
 *   }
 * }
 * ```
 * @publicApi
 */
export interface TaskErrorHandler {
  onTaskError(task: Task, error: unknown): unknown;
}

/**
 * Values of `onError`: a function, or the class of a provider.
 *
 * @publicApi
 */
export type OnTaskErrorOption = TaskErrorFunction | Type<TaskErrorHandler>;

/**
 * Outcome of the route for which an after-route or after-response task runs.
 *
 * @publicApi
 */
export type RunOn = 'success' | 'error' | 'always';

/**
 * Options of a task after the merge of all layers. Frozen; holds no `null`.
 *
 * @publicApi
 */
export interface ResolvedTaskConfig {
  readonly name?: string;
  readonly shield: boolean;
  readonly onError?: OnTaskErrorOption;
  readonly runOn: RunOn;
  /** Time limit in milliseconds. */
  readonly timeout?: number;
  readonly onCancel?: 'enqueue';
  readonly pool?: string;
  /** Set only where the task does not inherit its context. */
  readonly asyncContext?: 'none';
}

/** Controls that a task has over its scheduler. */
export interface TaskControls {
  cancel(task: Task, reason: unknown): boolean;
  retry(task: Task): Promise<unknown>;
  /** Warns when the calling code waits for the task in a cycle. */
  warnOfCycle(task: Task): void;
  /** Watches for a cycle. @returns a promise that rejects on one; undefined where none is possible. */
  failOnCycle(task: Task): Promise<never> | undefined;
}

let lastId = 0;

/**
 * Scheduled function, with its state and its outcome.
 *
 * A task is not a promise: returning it from an async handler does not wait for it. Await `done` or `result()`.
 *
 * @example
 * ```ts
 * const task = this.tasks.schedule(resize, file);
 * const outcome = await task.done;
 * if (outcome.status === 'failed') console.warn(task.name, outcome.error);
 * ```
 * @publicApi
 */
export class Task<R = unknown, A extends readonly unknown[] = readonly unknown[]> {
  /** Function as passed. For a provider's method use `retry()`: calling this would lose its `this`. */
  readonly func: (...args: never[]) => unknown;
  /** Arguments as passed. */
  readonly args: A;
  /** Options after the merge of all layers; frozen. */
  readonly config: ResolvedTaskConfig;
  /** @internal */
  readonly host: (() => object) | undefined;
  /** @internal */
  readonly run: TaskRun | undefined;
  /** Async context of its runs. @internal */
  readonly scope: AsyncResource;
  /** @internal */
  readonly state: TaskState<R, Task<R>>;

  readonly #place: TaskPlace;
  readonly #engine: TaskControls;
  readonly #number: number;

  /**
   * Takes its parts separately: they come as several shapes of objects, and copying those cost half of everything.
   *
   * @internal
   */
  constructor(place: TaskPlace, call: TaskCall, config: ResolvedTaskConfig, engine: TaskControls, run?: TaskRun) {
    this.func = call.func;
    this.args = call.args as A;
    this.config = config;
    this.host = call.host;
    this.run = run;
    this.scope = createScope(config.asyncContext);
    this.#place = place;
    this.#engine = engine;
    this.#number = ++lastId;
    this.state = new TaskState<R, Task<R>>(this, run === undefined ? 1 : run.attempt);
  }

  /** Moment of the start. */
  get timing(): TaskTiming {
    return this.#place.timing;
  }

  /** @internal */
  get origin(): TaskOrigin | undefined {
    return this.#place.origin;
  }

  /** @internal */
  get kind(): TaskKind {
    return this.#place.kind;
  }

  /** Identifier, unique in this process. */
  get id(): string {
    return String(this.#number);
  }

  /** Name: `config.name`, else the function's name, else `'anonymous'`. */
  get name(): string {
    return this.config.name ?? this.functionName;
  }

  /**
   * Name with as few values as the code has functions: of a durable run its task's name, else the function's.
   *
   * @internal
   */
  get functionName(): string {
    return this.run?.taskName ?? nameOf(this.func);
  }

  /** Last argument if it is a plain object, else `{}`. */
  get kwargs(): Record<string, unknown> {
    const last = this.args.at(-1);
    return isPlainObject(last) ? last : {};
  }

  /** True if shutdown waits for it. */
  get shielded(): boolean {
    return this.config.shield;
  }

  /** State of the task. */
  get status(): TaskStatus {
    return this.state.status;
  }

  /**
   * Number of the attempt: 1 in the first run, one more in each `retry()`; in a durable run, the execution's attempt.
   */
  get attempt(): number {
    return this.state.attempt;
  }

  /** True if the function was called. */
  get isStarted(): boolean {
    return this.state.startedAt !== undefined;
  }

  /**
   * Signal, aborted by `cancel()`, by shutdown unless shielded, and by the timeout. Each attempt and the `onError` have
   * their own; other code sees that of the current activity. Cancellation is a request: a function that ignores its
   * signal continues.
   */
  get signal(): AbortSignal {
    const here = currentActivity<Task>();
    const isHere = here !== undefined && (here.task as unknown) === this;
    return (isHere ? here : this.state.activity).signal;
  }

  /**
   * Promise that resolves when the function is called. Rejects with {@link TaskDiscardedError} if the task will never
   * start, and with {@link TaskWaitError} where awaiting it here prevents that. Unobserved, it is no unhandled
   * rejection.
   */
  get started(): Promise<void> {
    return this.#unlessInCycle(this.state.started);
  }

  /** Promise that resolves, and never rejects, when the task has ended and its `onError` has settled. */
  get done(): Promise<TaskOutcome<R>> {
    this.#engine.warnOfCycle(this as Task);
    return this.state.done;
  }

  /**
   * Resolves to the function's result, once `done`. Rejects with the task's error when it failed, was cancelled or was
   * discarded, and with {@link TaskWaitError} where awaiting it here keeps it from starting. Unobserved, it is no
   * unhandled rejection.
   */
  result(): Promise<R> {
    const result = this.state.done.then((outcome) => {
      if (outcome.status === 'succeeded') return outcome.value;
      throw outcome.error;
    });
    return this.#unlessInCycle(result);
  }

  /**
   * Calls the function again with the same arguments and resolves to its result. Counts `attempt`, applies the full
   * timeout and keeps the shield. `onError` is not called again, and `status` and `done` do not change. Under a
   * `concurrency` limit the retry waits for its turn.
   *
   * Rejects when the function fails, with {@link TasksUsageError} `TASK_NOT_ENDED` while the task waits or runs, with
   * {@link TaskCancelledError} when it was cancelled. Unobserved, it is no unhandled rejection.
   *
   * @example
   * ```ts
   * onError: async (task) => {
   *   for (let delay = 1_000; delay <= 8_000; delay *= 2) {
   *     await setTimeout(delay, undefined, { signal: task.signal });
   *     try {
   *       await task.retry();
   *       return;
   *     } catch {
   *       // was logged; the next try waits twice as long
   *     }
   *   }
   * }
   * ```
   */
  retry(): Promise<R> {
    const result = this.#engine.retry(this) as Promise<R>;
    result.catch(() => {});
    return result;
  }

  /**
   * Asks the task to stop. A waiting task never starts; a running one gets its signal aborted, and so does a running
   * `onError` or retry.
   *
   * @param reason becomes the `reason` of the {@link TaskCancelledError} with which the signal is aborted.
   * @returns `false` if it had ended already.
   */
  cancel(reason?: unknown): boolean {
    return this.#engine.cancel(this, reason);
  }

  /** Returns the JSON of a task that a handler returns, without arguments and result. */
  toJSON(): Record<string, unknown> {
    const { id, name, timing, status, attempt, shielded } = this;
    return { id, name, timing, status, attempt, shielded };
  }

  #unlessInCycle<T>(settled: Promise<T>): Promise<T> {
    const cycle = this.#engine.failOnCycle(this as Task);
    const promise = cycle === undefined ? settled : Promise.race([settled, cycle]);
    promise.catch(() => {});
    return promise;
  }

  /**
   * Name and id for messages. The name is escaped and cut, since it may contain user input.
   *
   * @internal
   */
  get label(): string {
    return `${labelText(this.name)}#${this.id}`;
  }
}
