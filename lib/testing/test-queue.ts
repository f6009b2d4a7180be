import type { Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { AutomaticTasks } from '../queue/rules/automatic-tasks.js';
import { BROKER } from '../queue/broker/broker.js';
import { CLOCK } from '../queue/broker/clock.js';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { ExecutionRun } from '../queue/worker/execution-run.js';
import { QueueLog } from '../queue/log/queue-log.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { QueueWorker } from '../queue/worker/queue-worker.js';
import { TaskQueue } from '../queue/task-queue.js';
import { OpenTasks } from '../scheduler/open-tasks.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { parseDuration, type Duration } from '../task/duration.js';
import type { Task } from '../task/task.js';
import { currentActivity } from '../task/task-activity.js';
import { TasksConfigError } from '../task/task-errors.js';
import { moduleMissing } from '../task/usage-errors.js';
import type { TaskFunction } from '../task/task-parts.js';
import { describeExpected, isLike, listAdditions, type Addition, type ExpectedAddition } from './addition.js';
import { fail } from './fail.js';
import { count } from './listing.js';
import { TestBroker } from './test-broker.js';
import { labelOf, TestDrive } from './test-drive.js';
import { VirtualClock } from './virtual-clock.js';

/**
 * How the queue of a test is set up.
 *
 * @publicApi
 */
export interface TestQueueOptions {
  /** What the clock shows at first. Default: the real time. Give it where the calendar matters. */
  now?: Date | undefined;
  /** Automatic perpetual tasks begin by themselves, as in production. Default `false`: those that `runAtMost()` names. */
  automatic?: boolean | undefined;
  /** How long, in real time, `runUntilFinished()` and `advance()` wait while nothing comes to its end. Default `'4s'`. */
  patience?: Duration | undefined;
}

type AnyTask = string | ((...args: never[]) => unknown);

/**
 * The queue of an application under test: in memory, whatever its `queue` option says, with a clock that only the test
 * moves. Nothing runs until the test says so; `TaskQueue` and the handles of executions are those of the application.
 *
 * Its assertions throw an `AssertionError` of `node:assert`, which every test runner shows.
 *
 * @example
 * ```ts
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * const queue = TestQueue.install(builder);
 * const module = await builder.compile();
 * await module.init();
 *
 * await module.get(ReminderService).remind('ada');
 * queue.expectAdded(ReminderTasks.prototype.send, { args: ['ada'], in: '1d' });
 * await queue.advance('1d'); // it is sent
 * ```
 * @publicApi
 */
export class TestQueue {
  /** The time of the queue: of `when`, retries and leases. A task's `timeout` goes by the real time. */
  readonly clock: VirtualClock;
  readonly #patience: number;
  #moduleRef: ModuleRef | undefined;
  #drive: TestDrive | undefined;

  private constructor({ now, patience = '4s' }: TestQueueOptions) {
    this.clock = new VirtualClock(now);
    this.#patience = parseDuration('patience', patience, 1);
  }

  /**
   * Puts itself in the place of the queue that the application has. To be called before `compile()`.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   */
  static install(builder: TestingModuleBuilder, options: TestQueueOptions = {}): TestQueue {
    const queue = new TestQueue(options);
    builder.overrideProvider(CLOCK).useFactory({
      inject: [ModuleRef],
      factory: (moduleRef: ModuleRef) => {
        queue.#moduleRef = moduleRef;
        return queue.clock;
      },
    });
    builder.overrideProvider(BROKER).useFactory({
      inject: [QUEUE_OPTIONS],
      factory: (resolved: ResolvedQueueOptions) => new TestBroker(queue.clock, resolved),
    });
    if (options.automatic !== true) {
      builder.overrideProvider(AutomaticTasks).useClass(
        class extends AutomaticTasks {
          override prepare(): Promise<void> {
            return Promise.resolve();
          }
        },
      );
    }
    builder.overrideProvider(TaskQueue).useClass(
      class extends TaskQueue {
        // That of TaskQueue waits for the real time to come.
        override runUntilFinished(): Promise<void> {
          return queue.runUntilFinished();
        }
      },
    );
    return queue;
  }

  /** What the clock shows. */
  get now(): Date {
    return new Date(this.clock.now());
  }

  /** Every call that has added or replaced, or found its key taken, in order. Retries are none. */
  get added(): readonly Addition[] {
    return [...this.#broker.executions.additions];
  }

  /** Empties `added`: what was added while the application started, or a test got ready, is not what it is about. */
  forgetAdded(): void {
    this.#broker.executions.additions.length = 0;
  }

  /**
   * From now on what is due runs at once, as in production; only the clock still waits for the test. For code that adds
   * and awaits the `result()`.
   */
  start(): void {
    this.#driver.open();
  }

  /**
   * Runs everything, also what comes due later and what that adds: the clock goes from one time at which something is due
   * to the next. What is parked, and so waits for something else than time, stays.
   *
   * @throws {AssertionError} when an execution does not end within `patience`, or one key runs for ever.
   */
  runUntilFinished(): Promise<void> {
    return this.#driver.runUntilFinished();
  }

  /**
   * The same with a limit on the runs of some keys, which would otherwise go on for ever: each counts its runs since it was
   * added, and is cancelled when it has had its number. Automatic perpetual tasks among them begin with it.
   *
   * @throws {TaskArgumentError} when a number is not a whole one from 0.
   * @example
   * ```ts
   * await queue.runAtMost({ 'orders.findPending': 3 });
   * ```
   */
  async runAtMost(starts: Readonly<Record<string, number>>): Promise<void> {
    await this.#get(AutomaticTasks).seed(Object.keys(starts));
    await this.#get(TaskQueue).runAtMost(starts);
  }

  /**
   * Runs what is due, then moves the clock and runs what comes due on the way, in order of time. Resolves when all of that
   * has ended, or waits for a time still to come.
   *
   * @param by a Duration from now, up to 24.8 days, or the Date to move to.
   * @throws {AssertionError} when an execution does not end within `patience`: it waits for the test, or for a time that
   * this call has not reached. `clock.advance()` moves the time under it.
   */
  advance(by: Duration | Date): Promise<void> {
    return this.#driver.advance(by);
  }

  /**
   * As if the process that runs the execution had died in the middle of it: its signal is aborted, nothing that it does
   * from now on is recorded, and when the clock has passed its lease, it is started again.
   *
   * Called in the execution itself, by a double of something that it calls, it returns a promise that never settles: a
   * dead process goes no further.
   *
   * @throws {AssertionError} when no execution with this key runs.
   * @example
   * ```ts
   * payments.charge = () => queue.crash('order:1'); // once
   * ```
   */
  async crash(key: string): Promise<void> {
    const leaseUntil = this.#broker.runs.crash(key);
    if (leaseUntil === undefined) {
      const running = this.#broker.runs.running.map(({ record }) => labelOf(record));
      return fail(`No execution '${key}' runs. Running: ${running.join(', ') || 'none'}.`, this.crash);
    }
    // What other workers of the fleet do: this one knows nothing any more of a run that it has lost.
    this.clock.schedule(leaseUntil - this.clock.now(), () => void this.#recover());
    const isWithin = currentActivity<Task>()?.task.run?.key === key;
    for (const task of this.#get(OpenTasks)) {
      if (!(task.run instanceof ExecutionRun) || task.run.key !== key) continue;
      task.run.loseLease();
      this.#get(TaskRunner).abandon(task);
    }
    if (isWithin) await new Promise<never>(() => {});
  }

  /**
   * That a task was added.
   *
   * @param task a method with `@Durable()`, or a name.
   * @param expected what it was added with; `times`: exactly so often, from 1. Default: at least once.
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
    if (times === 0) throw new TasksConfigError('times', times, 'a number from 1; for none there is expectNotAdded()');
    const [what, found] = this.#find(task, expected);
    const [first] = found;
    if (first !== undefined && (times === undefined || times === found.length)) return first as Addition<A>;
    const wanted = times === undefined ? '' : ` ${count(times)}`;
    const was = found.length === 0 ? 'was not' : `was ${count(found.length)}`;
    return fail(`Expected ${what} to be added${wanted}, and it ${was}. ${this.#list()}`, this.expectAdded);
  }

  /**
   * That a task was not added, or not like this.
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
    const [what, found] = this.#find(task, expected);
    if (found.length === 0) return;
    fail(`Expected ${what} not to be added, and it was ${count(found.length)}. ${this.#list()}`, this.expectNotAdded);
  }

  /**
   * That nothing was added since the start, or since `forgetAdded()`.
   *
   * @throws {AssertionError} that lists what was added.
   */
  expectNothingAdded(): void {
    const hasAdded = this.added.some(({ disposition }) => disposition === 'scheduled');
    if (hasAdded) fail(`Expected nothing to be added. ${this.#list()}`, this.expectNothingAdded);
  }

  async #recover(): Promise<void> {
    const { crashed } = await this.#broker.runs.recover();
    this.#get(QueueLog).recovered(crashed);
  }

  #find(task: AnyTask, expected: ExpectedAddition): [what: string, found: Addition[]] {
    const name = typeof task === 'string' ? task : this.#get(DurableRegistry).require(task).name;
    const found = this.added.filter((addition) => addition.name === name && isLike(expected, addition));
    return [describeExpected(name, expected), found];
  }

  #list(): string {
    return listAdditions(this.added);
  }

  get #broker(): TestBroker {
    return this.#get(BROKER);
  }

  get #driver(): TestDrive {
    return (this.#drive ??= new TestDrive(this.#broker, this.clock, this.#get(QueueWorker), this.#patience));
  }

  #get<T>(token: Type<T> | symbol): T {
    if (this.#moduleRef !== undefined) return this.#moduleRef.get<T>(token);
    throw moduleMissing(
      'TestQueue has no queue: compile() has not been awaited yet, or the module under test has no TasksModule',
    );
  }
}
