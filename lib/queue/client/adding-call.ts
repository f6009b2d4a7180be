import type { Duration } from '../../task/duration.js';
import { KnownOptions, type Habits } from '../../task/known-options.js';
import { labelText } from '../../task/log-text.js';
import { checkCallOptions } from './call-options.js';
import { TaskArgumentError } from '../broker/queue-errors.js';

/**
 * Options of `queue.add()`.
 *
 * @publicApi
 */
export interface AddOptions {
  /** Earliest start: a Date, or a Duration from now of up to ten years. Default: at once. */
  when?: Date | Duration | undefined;
  /**
   * Identifies the execution: a string that is not empty, up to 1 kB. While an execution with it has not ended, `add()`
   * changes nothing. Default: unique.
   */
  key?: string | undefined;
  /** Priority from 0, which comes first, to 2,097,151; first in first out within one. Default 0. */
  priority?: number | undefined;
  /** Allows a task that only other processes declare. Default `false`. */
  remote?: boolean | undefined;
  /**
   * Open transaction of the database that `queue.outbox` names: the execution exists when the transaction has committed, and
   * never otherwise. `'current'`: the one of @nestjs-cls/transactional. Default: none, and the broker is asked at once.
   */
  transaction?: object | 'current' | undefined;
}

/**
 * Options of `queue.replace()`: the time and key of the new execution.
 *
 * @publicApi
 */
export interface ReplaceOptions extends AddOptions {
  when: Date | Duration;
  key: string;
}

/** Decorated method, or the name of a task. */
export type AnyTask = string | ((...args: never[]) => unknown);

/** Call that adds a task in two steps: with the task and options, and then with the task's arguments. */
export interface AddingCall {
  /** Name of the call, such as `queue.add`. */
  readonly name: string;
  readonly options: KnownOptions<object>;
}

const DECLARED = "in @Durable(name, { … }) on the task's method";

export const HABITS: Habits = {
  delay: 'when',
  tx: 'transaction',
  manager: 'transaction',
  startAfter: 'when',
  at: 'when',
  id: 'key',
  jobId: 'key',
  deduplication: 'key, or @Debounce() on the task',
  debounce: '@Debounce() on the task',
  attempts: `retry: { attempts } ${DECLARED}`,
  retry: `retry ${DECLARED}`,
  backoff: `retry: { backoff } ${DECLARED}`,
  timeout: `timeout ${DECLARED}`,
  shield: `shield ${DECLARED}`,
  onError: `onError ${DECLARED}`,
  name: 'its first argument',
  repeat: '@Perpetual({ every }) on the task',
  cron: '@Perpetual({ cron }) on the task',
  every: '@Perpetual({ every }) on the task',
  parent: 'queue.after(executions).add(task)',
  removeOnComplete: 'queue: { retention } in TasksModule.forRoot()',
  removeOnFail: 'queue: { retention } in TasksModule.forRoot()',
};

/** Names of the options of `add()`. */
export const ADD_OPTIONS = new KnownOptions<AddOptions>(
  { when: true, key: true, priority: true, remote: true, transaction: true },
  HABITS,
);

/** Tells what is wrong with a first call. In words only here: most are right, and many come in a second. */
export function refuseFirstCall(
  { name: call, options: known }: AddingCall,
  task: AnyTask,
  name: string,
  options: object,
  rest: readonly unknown[],
): never {
  const subject = typeof task === 'string' ? `'${labelText(name)}'` : 'task';
  const remedy = `${call}(${subject}, options)(…), with the task's arguments in a second call`;
  if (rest.length > 0) {
    throw new TaskArgumentError(name, `${call}()`, rest, remedy, `given ${rest.length + 2} arguments`);
  }
  checkCallOptions(known, options, name, `${call}()`, remedy);
  throw new TaskArgumentError(name, 'options', options, `an object of ${known.names.join(', ')}: ${remedy}`);
}

export const QUEUE_ADD: AddingCall = { name: 'queue.add', options: ADD_OPTIONS };
export const QUEUE_REPLACE: AddingCall = { name: 'queue.replace', options: ADD_OPTIONS };
