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

/** Runs attempts of tasks, from the call of the function to its end: every attempt ends in `settle`, once. */
@Injectable()
export class TaskAttempts {
  /** Frees the slot of a task whose function has ended, or was given up. */
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

  /** Sets the function that frees slots: the runner, made later, knows the pools. */
  releaseBy(release: (task: Task) => void): void {
    this.release = release;
  }

  /**
   * Calls the task's function.
   *
   * @param now in milliseconds of `performance.now()`, as the call before has returned it: each look at the clock
   * costs a tenth of a task.
   * @returns the time of the function's return, unless other code has run since.
   */
  run(task: Task, now?: number): number | undefined {
    if (now === undefined) this.events.attend();
    const begun = now ?? performance.now();
    const activity = task.state.begin(begun);
    this.events.emit(task.state.isRetrying ? 'retried' : 'started', task, attemptOf(task));
    // Time of the event's subscribers is not the task's.
    return runInActivity(activity, this.attempt, this.events.isObserved ? performance.now() : begun);
  }

  /** Calls the function within the task's context, as all that follows: settlement, timer and promises. */
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

  // One function for all tasks: the async context, in which promises call back, identifies the task.
  private readonly settleAsSucceeded = (value: unknown): void => {
    if (isLazy(value)) this.take(value);
    else this.settle(currentActivity<Task>()!, 'succeeded', value);
  };
  private readonly settleAsFailed = (error: unknown): void => this.settle(currentActivity<Task>()!, 'failed', error);

  /** Takes the result of an async function. */
  private take(result: object): void {
    new Promise((resolve) => resolve(takeResult(result))).then(this.settleAsSucceeded, this.settleAsFailed);
  }

  private timeOut(activity: TaskActivity<Task>, timeout: number): void {
    const error = new TaskTimeoutError(activity.task.label, timeout);
    activity.abort(error);
    activity.task.run?.giveUp();
    this.settle(activity, 'failed', error, 'timeout');
  }

  /** Settles an attempt: returned, thrown or out of time. */
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

/**
 * Wraps a promise with a `then()` of its own, which may call back in any async context: the context identifies the
 * task.
 */
function promiseOf(result: unknown): Promise<unknown> {
  const isPlain = !types.isPromise(result) || !Object.hasOwn(result, 'then');
  return isPlain ? Promise.resolve(result) : new Promise((resolve) => resolve(result));
}

/** Returns the reason of the event. The first attempt, nearly all of them, shares one string. */
function attemptOf({ attempt }: Task): string {
  return attempt === 1 ? 'attempt 1' : `attempt ${attempt}`;
}

export function reasonOf(task: Task): string {
  const reason = task.state.cancellation?.reason;
  if (isError(reason)) return reason.message || reason.name;
  return typeof reason === 'string' && reason !== '' ? reason : 'cancelled';
}
