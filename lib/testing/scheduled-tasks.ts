import { TasksConfigError } from '../task/task-errors.js';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import type { Task } from '../task/task.js';
import { describeExpectedTask, isTaskLike, listScheduled, type ExpectedTask } from './expected-task.js';
import { fail } from './fail.js';
import { count } from './listing.js';
import { TaskRecord } from './task-record.js';

type Times = { readonly times?: number | undefined };
type AnyTask = string | ((...args: never[]) => unknown);

/**
 * Scheduled tasks, with assertions.
 *
 * @publicApi
 */
export abstract class ScheduledTasks {
  /** @internal */
  protected readonly record = new TaskRecord();

  /** Tasks that were scheduled and not discarded, in order: waiting, running or ended. */
  get scheduled(): readonly Task[] {
    return this.record.scheduled;
  }

  /** Tasks that were discarded: by the outcome of their route, a full pool or the shutdown. */
  get discarded(): readonly Task[] {
    return this.record.discarded;
  }

  /** Empties both lists, for a test that ignores tasks of the start or of its own preparation. */
  forgetScheduled(): void {
    this.record.forget();
  }

  /**
   * Asserts that a task was scheduled, and not discarded. Holds as soon as the call has been made: before the task
   * runs, and before the response has ended.
   *
   * @param task the function that was passed to `schedule()`, or the name of the task.
   * @param expected its properties; `times`: the exact number of tasks, from 1. Default: at least one.
   * @returns the first such task.
   * @throws {AssertionError} that lists what was scheduled.
   * @example
   * ```ts
   * tasks.expectScheduled(MailService.prototype.send, { timing: 'afterResponse', args: [expect.any(String)] });
   * tasks.expectScheduled('reindex', { times: 2, shielded: true });
   * ```
   */
  expectScheduled<A extends unknown[], R>(
    task: string | TaskFunction<A, R>,
    expected: ExpectedTask<NoInfer<A>> & Times = {},
  ): Task<TaskResult<R>, A> {
    const [what, found] = this.#find('expectScheduled()', this.scheduled, task, expected as ExpectedTask);
    return this.#expect(`${what} to be scheduled`, found, expected, this.expectScheduled) as Task<TaskResult<R>, A>;
  }

  /**
   * Asserts that a task was not scheduled, or not with these properties. A discarded task counts as not scheduled.
   *
   * @throws {AssertionError} that lists what was scheduled.
   * @example
   * ```ts
   * tasks.expectNotScheduled(MailService.prototype.send, { args: ['ada@example.com'] });
   * ```
   */
  expectNotScheduled<A extends unknown[], R>(
    task: string | TaskFunction<A, R>,
    expected: ExpectedTask<NoInfer<A>> = {},
  ): void {
    const [what, found] = this.#find('expectNotScheduled()', this.scheduled, task, expected as ExpectedTask);
    if (found.length === 0) return;
    fail(
      `Expected ${what} not to be scheduled, but it was ${count(found.length)}. ${this.#list()}`,
      this.expectNotScheduled,
    );
  }

  /**
   * Asserts that nothing was scheduled since the start or `forgetScheduled()`, except discarded tasks.
   *
   * @throws {AssertionError} that lists what was scheduled.
   */
  expectNothingScheduled(): void {
    if (this.scheduled.length === 0) return;
    fail(`Expected nothing to be scheduled. ${this.#list()}`, this.expectNothingScheduled);
  }

  /**
   * Asserts that a task was scheduled, and then discarded: for example because its handler threw.
   *
   * @param task the function that was passed to `schedule()`, or the name of the task.
   * @param expected its properties; `times`: the exact number of tasks, from 1. Default: at least one.
   * @returns the first such task.
   * @throws {AssertionError} that lists what was scheduled.
   */
  expectDiscarded<A extends unknown[], R>(
    task: string | TaskFunction<A, R>,
    expected: ExpectedTask<NoInfer<A>> & Times = {},
  ): Task<TaskResult<R>, A> {
    const [what, found] = this.#find('expectDiscarded()', this.discarded, task, expected as ExpectedTask);
    return this.#expect(`${what} to be discarded`, found, expected, this.expectDiscarded) as Task<TaskResult<R>, A>;
  }

  #expect(what: string, found: readonly Task[], { times }: Times, caller: (...args: never[]) => unknown): Task {
    if (times === 0) throw new TasksConfigError('times', times, 'a number from 1; use expectNotScheduled() for none');
    const [first] = found;
    if (first !== undefined && (times === undefined || times === found.length)) return first;
    const wanted = times === undefined ? '' : ` ${count(times)}`;
    const was = found.length === 0 ? 'was not' : `was ${count(found.length)}`;
    return fail(`Expected ${what}${wanted}, but it ${was}. ${this.#list()}`, caller);
  }

  #find(where: string, tasks: readonly Task[], task: AnyTask, expected: ExpectedTask): [what: string, found: Task[]] {
    if (typeof task !== 'function' && typeof task !== 'string') {
      // Nothing would match it, and expectNotScheduled() would hold.
      throw new TasksConfigError(where, task, 'a function that is passed to schedule(), or the name of a task');
    }
    return [describeExpectedTask(task, expected), tasks.filter((each) => isTaskLike(task, expected, each))];
  }

  #list(): string {
    return listScheduled(this.record);
  }
}
