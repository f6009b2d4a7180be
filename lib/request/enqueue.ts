import type { ConfiguredTask } from '../scheduler/configured-task.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import type { ArgumentsCall } from '../queue/client/arguments-call.js';
import { KnownOptions } from '../task/known-options.js';
import { ADD_OPTIONS, HABITS, type AddingCall, type AddOptions, type AnyTask } from '../queue/client/adding-call.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { Execution } from '../queue/client/execution.js';
import type { TaskName } from '../queue/declaration/task-name.js';
import type { EnqueueCall } from './enqueue-call.js';

export const ENQUEUE: AddingCall = { name: 'tasks.enqueue', options: ADD_OPTIONS };
/** At a later moment of the request, a transaction of the handler is over. */
export const ENQUEUE_LATER: AddingCall = {
  name: 'enqueue',
  options: new KnownOptions<EnqueueLaterOptions>(
    { when: true, key: true, priority: true, remote: true },
    { ...HABITS, transaction: 'tasks.enqueue(), within the transaction' },
  ),
};

/**
 * Options of an addition at a later moment of the request: those of `queue.add()` without `transaction`.
 *
 * @publicApi
 */
export type EnqueueLaterOptions = Omit<AddOptions, 'transaction'>;

/**
 * Adds a durable task to the queue, now.
 *
 * @publicApi
 */
export interface Enqueue {
  <A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  <A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  (task: string, options?: AddOptions): ArgumentsCall<unknown[], Promise<Execution>>;
}

/**
 * Adds a durable task to the queue, at a later moment of the request. Returns the task that does so, whose `result()`
 * is the execution. A promise would deadlock a handler that awaits it.
 *
 * @publicApi
 */
export interface EnqueueLater {
  <A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: EnqueueLaterOptions,
  ): ArgumentsCall<A, Task<Execution<TaskResult<R>>, A>>;
  <A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options?: EnqueueLaterOptions,
  ): ArgumentsCall<A, Task<Execution<TaskResult<R>>, A>>;
  (task: string, options?: EnqueueLaterOptions): ArgumentsCall<unknown[], Task<Execution>>;
}

/**
 * Result of `task({...})` of a request's tasks.
 *
 * @publicApi
 */
export interface ConfiguredRequestTask<E extends Enqueue | EnqueueLater> extends ConfiguredTask {
  /**
   * Adds a durable task: see {@link TasksService.enqueue} and {@link TaskBatch.enqueue}. The options of `task({...})`
   * are those of the addition, not of the durable task.
   */
  readonly enqueue: E;
}

/** Adds durable tasks at its moment of the request. */
export interface EnqueueSubmitter {
  readonly writer: ExecutionWriter;
  readonly enqueueCall: AddingCall;
  submitEnqueue(call: EnqueueCall): Promise<Execution> | Task<Execution>;
}

/** Creates the `enqueue` of a request's tasks. @param own options of the addition. */
export function enqueuing<E extends Enqueue | EnqueueLater>(
  submitter: EnqueueSubmitter,
  own: TaskConfig | undefined,
): E {
  const enqueue = (task: AnyTask, options: AddOptions = {}, ...rest: unknown[]) =>
    submitter.writer.expectArguments(submitter.enqueueCall, task, options, rest, (name, args) =>
      submitter.submitEnqueue({ own, name, options, args }),
    );
  return enqueue as unknown as E;
}
