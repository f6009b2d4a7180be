import type { TaskFunction } from '../task/task-parts.js';
import { TasksConfigError } from '../task/task-errors.js';
import { describeExpected, isLike, listAdditions, type Addition, type ExpectedAddition } from './addition.js';
import { fail } from './fail.js';
import { count } from './listing.js';

type AnyTask = string | ((...args: never[]) => unknown);

/** Part of `TestQueue` that asserts what was added. */
export abstract class AdditionAssertions {
  /** Calls that have added or replaced, or found their key taken, in order. Without retries. */
  abstract readonly added: readonly Addition[];

  /** Returns the name of a decorated method. */
  protected abstract nameOf(task: (...args: never[]) => unknown): string;

  /**
   * Asserts that a task was added.
   *
   * @param task a method with `@Durable()`, or a name.
   * @param expected its properties; `times`: the exact number of additions, from 1. Default: at least one.
   * @returns the first such addition.
   * @throws {AssertionError} that lists what was added.
   * @example
   * ```ts
   * queue.expectAdded(ReminderTasks.prototype.send, { args: ['ada'], key: 'remind:ada', in: '1d' });
   * queue.expectAdded('mail.send', { times: 2 });
   * ```
   */
  expectAdded<A extends unknown[]>(
    task: string | TaskFunction<A, unknown>,
    expected: ExpectedAddition<A> & { readonly times?: number | undefined } = {},
  ): Addition<A> {
    const { times } = expected;
    if (times === 0) throw new TasksConfigError('times', times, 'a number from 1; use expectNotAdded() for none');
    const [what, found] = this.find(task, expected);
    const [first] = found;
    if (first !== undefined && (times === undefined || times === found.length)) return first as Addition<A>;
    const wanted = times === undefined ? '' : ` ${count(times)}`;
    const was = found.length === 0 ? 'was not' : `was ${count(found.length)}`;
    return fail(`Expected ${what} to be added${wanted}, but it ${was}. ${this.list()}`, this.expectAdded);
  }

  /**
   * Asserts that a task was not added, or not with these properties.
   *
   * @throws {AssertionError} that lists what was added.
   * @example
   * ```ts
   * queue.expectNotAdded(ReminderTasks.prototype.send, { args: ['ada'] });
   * ```
   */
  expectNotAdded<A extends unknown[]>(
    task: string | TaskFunction<A, unknown>,
    expected: ExpectedAddition<A> = {},
  ): void {
    const [what, found] = this.find(task, expected);
    if (found.length === 0) return;
    fail(`Expected ${what} not to be added, but it was ${count(found.length)}. ${this.list()}`, this.expectNotAdded);
  }

  /**
   * Asserts that nothing was added since the start, or since `forgetAdded()`.
   *
   * @throws {AssertionError} that lists what was added.
   */
  expectNothingAdded(): void {
    const hasAdded = this.added.some(({ disposition }) => disposition === 'scheduled');
    if (hasAdded) fail(`Expected nothing to be added. ${this.list()}`, this.expectNothingAdded);
  }

  private find(task: AnyTask, expected: ExpectedAddition): [what: string, found: Addition[]] {
    const name = typeof task === 'string' ? task : this.nameOf(task);
    const found = this.added.filter((addition) => addition.name === name && isLike(expected, addition));
    return [describeExpected(name, expected), found];
  }

  private list(): string {
    return listAdditions(this.added);
  }
}
