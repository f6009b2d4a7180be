import type { AsyncResource } from 'node:async_hooks';
import type { Type } from '@nestjs/common';
import { createScope, currentActivity } from './task-activity.js';
import { labelText } from './log-text.js';
import { isPlainObject, nameOf } from './task-function.js';
import { TaskState } from './task-state.js';
import type { TaskOutcome, TaskStatus, TaskTiming } from './task-outcome.js';
import type { TaskCall, TaskKind, TaskOrigin, TaskPlace, TaskRun } from './task-parts.js';

/**
 * Called when a task has failed. May be async; what it returns is ignored, and what it throws is logged with the
 * task's error.
 *
 * Declared as a method so that a handler may narrow `error`, as in `(task, error: Error) => …`; JavaScript can throw
 * anything, and then it is that.
 *
 * @publicApi
 */
export type TaskErrorFunction = { handle(task: Task, error: unknown): unknown }['handle'];

/**
 * A provider that handles the errors of tasks. Nest resolves it, so it can inject what it needs.
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
 * What `onError` takes: a function, or the class of a provider.
 *
 * @publicApi
 */
export type OnTaskErrorOption = TaskErrorFunction | Type<TaskErrorHandler>;

/**
 * How the route must have ended for an after-route or after-response task to run.
 *
 * @publicApi
 */
export type RunOn = 'success' | 'error' | 'always';

/**
 * A task's options after all layers were merged. Frozen; holds no `null`.
 *
 * @publicApi
 */
export interface ResolvedTaskConfig {
  readonly name?: string;
  readonly shield: boolean;
  readonly onError?: OnTaskErrorOption;
  readonly runOn: RunOn;
  /** In milliseconds. */
  readonly timeout?: number;
  readonly onCancel?: 'enqueue';
  readonly pool?: string;
  /** Absent where the task inherits its context. */
  readonly asyncContext?: 'none';
}

/** What a task asks of the scheduler that runs it. */
export interface TaskControls {
  cancel(task: Task, reason: unknown): boolean;
  retry(task: Task): Promise<unknown>;
  /** Warns when whoever asks here waits for the task in a cycle. */
  warnOfCycle(task: Task): void;
  /** @returns a promise that rejects then; nothing where there can be no cycle. */
  failOnCycle(task: Task): Promise<never> | undefined;
}

let lastId = 0;

/**
 * One scheduled function: what it is, where it stands, how it ended.
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
  /** The function, as it was passed. For a provider's method use `retry()`: calling this would lose its `this`. */
  readonly func: (...args: never[]) => unknown;
  /** The arguments, as they were passed. */
  readonly args: A;
  /** The options after all layers were merged; frozen. */
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
   * In turn rather than as one object: tasks are made of several kinds of objects, and copying those cost half of all.
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

  /** When it starts. */
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

  /** Unique in this process. */
  get id(): string {
    return String(this.#number);
  }

  /** `config.name`, else the function's name, else `'anonymous'`. */
  get name(): string {
    return this.config.name ?? this.functionName;
  }

  /**
   * One of as many as the code has, unlike the name: of a durable run the name of its task, else that of the function.
   *
   * @internal
   */
  get functionName(): string {
    return this.run?.taskName ?? nameOf(this.func);
  }

  /** The last argument if it is a plain object, else `{}`. */
  get kwargs(): Record<string, unknown> {
    const last = this.args.at(-1);
    return isPlainObject(last) ? last : {};
  }

  /** Whether shutdown waits for it. */
  get shielded(): boolean {
    return this.config.shield;
  }

  /** Where it stands. */
  get status(): TaskStatus {
    return this.state.status;
  }

  /** 1 in the first run, one more in each `retry()`; in a durable run, the attempt of the execution. */
  get attempt(): number {
    return this.state.attempt;
  }

  /** Whether the function was called. */
  get isStarted(): boolean {
    return this.state.startedAt !== undefined;
  }

  /**
   * Aborted by `cancel()`, by shutdown unless shielded, and by the timeout. Each attempt and the `onError` have one of
   * their own, and see that one; from elsewhere it is that of what goes on. Cancellation is a request: a function that does not watch its signal goes on.
   */
  get signal(): AbortSignal {
    const here = currentActivity<Task>();
    const isHere = here !== undefined && (here.task as unknown) === this;
    return (isHere ? here : this.state.activity).signal;
  }

  /**
   * Resolves when the function is called.
   * Rejects with {@link TaskDiscardedError} if it never will be, with {@link TaskWaitError} where that is because it is
   * awaited here; left unobserved, that is no unhandled rejection.
   */
  get started(): Promise<void> {
    return this.#unlessInCycle(this.state.started);
  }

  /** Resolves, never rejects, when the task has ended and its `onError` has settled. */
  get done(): Promise<TaskOutcome<R>> {
    this.#engine.warnOfCycle(this as Task);
    return this.state.done;
  }

  /**
   * Resolves to the function's result, once `done`. Rejects with the task's error when it failed, was cancelled or
   * was discarded, with {@link TaskWaitError} where it cannot start because it is awaited here; left unobserved, that is
   * no unhandled rejection.
   */
  result(): Promise<R> {
    const result = this.state.done.then((outcome) => {
      if (outcome.status === 'succeeded') return outcome.value;
      throw outcome.error;
    });
    return this.#unlessInCycle(result);
  }

  /**
   * Calls the function again with the same arguments and resolves to its result. Counts `attempt`, applies the
   * timeout anew and keeps the shield; `onError` is not called again and `status` and `done` do not change.
   * Under a `concurrency` limit it waits for its turn.
   *
   * Rejects when the function fails, with {@link TasksUsageError} `TASK_NOT_ENDED` while the task waits or runs, with
   * {@link TaskCancelledError} when it was cancelled; left unobserved, that is no unhandled rejection.
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
   * Asks the task to stop. One that has not started never will; one that runs gets its signal aborted, and so does one
   * whose `onError` or retry runs.
   *
   * @param reason becomes the `reason` of the {@link TaskCancelledError} with which the signal is aborted.
   * @returns `false` if it had ended already, and so nothing was asked.
   */
  cancel(reason?: unknown): boolean {
    return this.#engine.cancel(this, reason);
  }

  /** What a handler that returns the task answers. Without the arguments, and without what they led to. */
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
   * Name and id for messages. The name is escaped and cut: it is often built from user input.
   *
   * @internal
   */
  get label(): string {
    return `${labelText(this.name)}#${this.id}`;
  }
}
