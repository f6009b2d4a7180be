import { Inject, Injectable } from '@nestjs/common';
import type { TaskFunction } from '../task/task-parts.js';
import type { TaskResult } from '../task/task-result.js';
import { QUEUE_ADD, QUEUE_REPLACE, type AddOptions, type AnyTask, type ReplaceOptions } from './client/adding-call.js';
import { Agenda } from './client/agenda.js';
import type { ArgumentsCall } from './client/arguments-call.js';
import type { Execution } from './client/execution.js';
import { FollowUpQueue } from './client/follow-up-queue.js';
import { requireKey } from './broker/short-text.js';
import type { TaskName } from './declaration/task-name.js';
import { QueueControl } from './queue-control.js';
import { QueueWorker } from './worker/queue-worker.js';
import { runLimited, runUntilFinished } from './worker/run-to-end.js';

/**
 * Adds executions of durable tasks, finds, replaces and cancels them, in whichever process they run. A singleton.
 *
 * @example
 * ```ts
 * const execution = await this.queue.add(this.orders.process, { key: `order:${id}`, when: '5m' })(id);
 * ```
 * @publicApi
 */
@Injectable()
export class TaskQueue extends QueueControl {
  @Inject(QueueWorker) protected override readonly worker!: QueueWorker;

  /**
   * Records an execution, which some worker of the fleet then runs, at least once. Resolves when the broker has it.
   *
   * While an execution with the same key has not ended, nothing is changed and the `disposition` is
   * `'already-scheduled'`.
   *
   * @param task a method with `@Durable()`, its name, or a {@link taskName}.
   * @returns a function that takes the task's arguments, which travel as JSON with Date, Map, Set, bigint and undefined.
   * Without this second call nothing is added.
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used; when an option does not exist, at once.
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   * @example
   * ```ts
   * await this.queue.add(this.mail.send)('ada@example.com');
   * await this.queue.add(this.mail.remind, { key: `remind:${id}`, when: '1d' })(id);
   * ```
   */
  add<A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add<A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add(task: string, options?: AddOptions): ArgumentsCall<unknown[], Promise<Execution>>;
  add(
    task: AnyTask,
    options: AddOptions = {},
    ...rest: unknown[]
  ): ArgumentsCall<unknown[], Promise<Execution<never>>> {
    return this.adder.expectArguments(QUEUE_ADD, task, options, rest, (name, args) => {
      return this.adder.addOne(name, args, options) as Promise<Execution<never>>;
    });
  }

  /**
   * Puts an execution in the place of the one that has the key: of a scheduled one at once; of a running one when its run
   * has settled, instead of any retry. Where the key is free, it adds.
   *
   * @throws what `add()` throws.
   * @example
   * ```ts
   * await this.queue.replace(this.mail.remind, { key: `remind:${id}`, when: '2d' })(id); // snooze
   * ```
   */
  replace<A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options: ReplaceOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  replace<A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options: ReplaceOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  replace(task: string, options: ReplaceOptions): ArgumentsCall<unknown[], Promise<Execution>>;
  replace(
    task: AnyTask,
    options: ReplaceOptions,
    ...rest: unknown[]
  ): ArgumentsCall<unknown[], Promise<Execution<never>>> {
    return this.adder.expectArguments(QUEUE_REPLACE, task, options, rest, async (name, args) => {
      const addition = this.adder.describe(name, args, options);
      return (await this.adder.replace(
        addition,
        requireKey(name, options.key),
        options.transaction,
      )) as Execution<never>;
    });
  }

  /**
   * Executions that follow when others have ended, however these ended: `context.outcomes` tells in the task.
   *
   * @param executions handles, of any process. One that is perpetual has ended only when its chain has.
   * @example
   * ```ts
   * const chunks = await Promise.all(ids.map((id) => this.queue.add(this.data.processChunk)(id)));
   * await this.queue.after(chunks).add(this.data.finalize, { key: `finalize:${id}` })(id);
   * ```
   */
  after(executions: readonly Execution[]): FollowUpQueue {
    return new FollowUpQueue(executions, this.adder, this.followUps);
  }

  /** Returns a new, empty agenda: executions to be spread evenly over a time. */
  agenda(): Agenda {
    return new Agenda(this.adder, this.clock);
  }

  /**
   * Resolves when everything has ended, with what is scheduled for later. Runs a worker where this process has none.
   * For scripts and tests.
   */
  runUntilFinished(): Promise<void> {
    return runUntilFinished(this.broker, this.worker, this.pauseRule);
  }

  /**
   * Does the same with a limit on how often the executions of some keys run, which would otherwise go
   * on for ever. Every run of the key since it was added counts; when it has had its number it is cancelled.
   *
   * @throws {TaskArgumentError} when a number is not a whole one from 0.
   * @example
   * ```ts
   * await queue.runAtMost({ 'orders.findPending': 3 });
   * ```
   */
  async runAtMost(starts: Readonly<Record<string, number>>): Promise<void> {
    await runLimited(this.broker, this.executions, this.worker.limits, starts, () => this.runUntilFinished());
  }
}
