import { types } from 'node:util';
import { Injectable } from '@nestjs/common';
import { AttemptTimeout } from '../task/attempt-timeout.js';
import { currentActivity, runInActivity, type TaskActivity } from '../task/task-activity.js';
import { isAbortOf, isError, TaskTimeoutError } from '../task/task-errors.js';
import { isLazy, takeResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import { BlockingTasks } from './blocking-tasks.js';
import { ErrorHandlers } from './error-handlers.js';
import { TaskEvents } from './task-events.js';
import { OpenTasks } from './open-tasks.js';
import { TaskLog } from './task-log.js';
import { TaskRunDecorator, UNDECORATED } from './task-run-decorator.js';
import { TaskTracer } from './task-tracer.js';

/** Attempts of tasks, from the call of the function to its end: each ends in `settle`, once. */
@Injectable()
export class TaskAttempts {
  /** Frees the slot of a task whose function is not called any more. */
  private release: (task: Task) => void = () => {};

  constructor(
    private readonly openTasks: OpenTasks,
    private readonly events: TaskEvents,
    private readonly errorHandlers: ErrorHandlers,
    private readonly log: TaskLog,
    private readonly blocking: BlockingTasks,
    private readonly decorator: TaskRunDecorator,
    private readonly tracer: TaskTracer,
  ) {}

  /** Takes what frees the slots of tasks: the runner, which is made later, knows their pools. */
  releaseBy(release: (task: Task) => void): void {
    this.release = release;
  }

  /**
   * Calls the task's function.
   *
   * @param now in milliseconds of `performance.now()`, where the one before has just returned it: each look at the clock
   * costs a tenth of a task.
   * @returns when the function returned, unless others have had their turn since.
   */
  run(task: Task, now?: number): number | undefined {
    if (now === undefined) this.events.attend();
    const begun = now ?? performance.now();
    const activity = task.state.begin(begun);
    this.events.emit(task.state.isRetrying ? 'retried' : 'started', task, attemptOf(task));
    // What subscribers of the event take is not the task's.
    return runInActivity(activity, this.attempt, this.events.isObserved ? performance.now() : begun);
  }

  /** Within the task's context, and so is all that follows: who settles it, its timer and its promises. */
  private readonly attempt = (activity: TaskActivity<Task>, called: number): number | undefined => {
    const { task } = activity;
    const { timeout } = task.config;
    if (timeout !== undefined) activity.timeout = new AttemptTimeout(timeout, (limit) => this.timeOut(activity, limit));
    try {
      const result = this.invoke(task);
      const returned = performance.now();
      this.blocking.check(task, returned - called);
      if (canBeThenable(result)) {
        promiseOf(result).then(this.settleAsSucceeded, this.settleAsFailed);
        return returned;
      }
      this.settle(activity, 'succeeded', result);
    } catch (error) {
      this.blocking.check(task, performance.now() - called);
      this.settle(activity, 'failed', error);
    }
    return undefined;
  };

  private invoke(task: Task): unknown {
    const isPlain = this.decorator.decorate === UNDECORATED;
    const call = isPlain ? invoke : (): unknown => this.decorator.decorate(() => invoke(task), task)();
    return this.events.isObserved && this.tracer.isActive ? this.tracer.run(task, () => call(task)) : call(task);
  }

  // One function for all tasks: the async context, in which promises call back, tells whose promise it is.
  private readonly settleAsSucceeded = (value: unknown): void => {
    if (isLazy(value)) this.take(value);
    else this.settle(currentActivity<Task>()!, 'succeeded', value);
  };
  private readonly settleAsFailed = (error: unknown): void => this.settle(currentActivity<Task>()!, 'failed', error);

  /** What an async function has returned. */
  private take(result: object): void {
    new Promise((resolve) => resolve(takeResult(result))).then(this.settleAsSucceeded, this.settleAsFailed);
  }

  private timeOut(activity: TaskActivity<Task>, timeout: number): void {
    const error = new TaskTimeoutError(activity.task.label, timeout);
    activity.abort(error);
    activity.task.run?.giveUp();
    this.settle(activity, 'failed', error, 'timeout');
  }

  /** The end of every attempt: returned, thrown or out of time. */
  private settle(
    { task, isRunning }: TaskActivity<Task>,
    status: 'succeeded' | 'failed',
    value: unknown,
    reason = 'threw',
  ): void {
    if (!isRunning) {
      if (status === 'failed') this.log.failedLate(task, value);
      task.run?.unwind();
      return;
    }
    this.release(task);
    const final = status === 'failed' && task.state.cancellation !== undefined ? 'cancelled' : status;
    if (task.state.isRetrying) this.endRetry(task, final, value);
    else this.endFirstAttempt(task, final, value, reason);
  }

  private endFirstAttempt(task: Task, status: 'succeeded' | 'failed' | 'cancelled', value: unknown, why: string): void {
    task.state.end(status, value);
    if (status === 'succeeded') {
      this.events.emit('succeeded', task, 'returned');
      this.finish(task);
      return;
    }
    if (status === 'cancelled') {
      this.events.emit('cancelled', task, reasonOf(task), value);
      this.log.cancelled(task, value, isAbortOf(task.state.cancellation, value));
      this.finish(task);
      return;
    }
    this.events.emit('failed', task, why, value);
    if (task.run?.willRetry(value) === true) {
      this.log.attemptFailed(task, value);
      this.finish(task);
      return;
    }
    void this.errorHandlers.handle(task, value).then(() => this.finish(task));
  }

  endRetry(task: Task, status: 'succeeded' | 'failed' | 'cancelled', value: unknown): void {
    task.state.endRetry(status, value);
    if (status === 'succeeded') this.events.emit('retrySucceeded', task, attemptOf(task));
    else {
      this.events.emit('retryFailed', task, attemptOf(task), value);
      if (status === 'failed') this.log.retryFailed(task, value);
      else this.log.cancelled(task, value, isAbortOf(task.state.cancellation, value));
    }
    if (task.state.isFinished) this.openTasks.delete(task);
  }

  finish(task: Task): void {
    if (task.state.isFinished) return; // abandoned while its onError ran
    this.events.finish(task);
    task.state.finish();
    if (!task.state.isRetrying) this.openTasks.delete(task);
  }
}

function invoke(task: Task): unknown {
  const func = task.func as (...args: readonly unknown[]) => unknown;
  return takeResult(task.host === undefined ? func(...task.args) : func.apply(task.host(), [...task.args]));
}

function canBeThenable(result: unknown): boolean {
  return (typeof result === 'object' && result !== null) || typeof result === 'function';
}

/** A promise with a `then()` of its own may call back in any async context, and ours tells whose promise it is. */
function promiseOf(result: unknown): Promise<unknown> {
  const isPlain = !types.isPromise(result) || !Object.hasOwn(result, 'then');
  return isPlain ? Promise.resolve(result) : new Promise((resolve) => resolve(result));
}

/** Of the first, the one string: nearly all are. */
function attemptOf({ attempt }: Task): string {
  return attempt === 1 ? 'attempt 1' : `attempt ${attempt}`;
}

export function reasonOf(task: Task): string {
  const reason = task.state.cancellation?.reason;
  if (isError(reason)) return reason.message || reason.name;
  return typeof reason === 'string' && reason !== '' ? reason : 'cancelled';
}
