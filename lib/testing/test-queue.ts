import { randomUUID } from 'node:crypto';
import type { Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { AutomaticTasks } from '../queue/rules/automatic-tasks.js';
import { BROKER } from '../queue/broker/broker.js';
import { CLOCK } from '../queue/broker/clock.js';
import { Outbox, OUTBOX } from '../queue/broker/outbox/outbox.js';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { ExecutionRun } from '../queue/worker/execution-run.js';
import { QueueLog } from '../queue/log/queue-log.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { OutboxRelay } from '../queue/worker/relay/outbox-relay.js';
import { QueueWorker } from '../queue/worker/queue-worker.js';
import { TaskQueue } from '../queue/task-queue.js';
import { OpenTasks } from '../scheduler/open-tasks.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { parseDuration, type Duration } from '../task/duration.js';
import type { Task } from '../task/task.js';
import { currentActivity } from '../task/task-activity.js';
import { moduleMissing } from '../task/usage-errors.js';
import type { Addition } from './addition.js';
import { AdditionAssertions } from './addition-assertions.js';
import { fail } from './fail.js';
import { TestBroker } from './test-broker.js';
import { labelOf, TestDrive } from './test-drive.js';
import { TestRelay } from './test-relay.js';
import { VirtualClock } from './virtual-clock.js';

/**
 * Options of the queue of a test.
 *
 * @publicApi
 */
export interface TestQueueOptions {
  /** Initial time of the clock. Default: the real time. Set it where the calendar matters. */
  now?: Date | undefined;
  /** Starts automatic perpetual tasks, as in production. Default `false`: only those that `runAtMost()` names. */
  automatic?: boolean | undefined;
  /** Real time that `runUntilFinished()` and `advance()` wait without any end. Default `'4s'`. */
  patience?: Duration | undefined;
}

/**
 * Queue of an application under test: in memory, regardless of its `queue` option, with a clock that only the test
 * moves. Nothing runs until the test says so; `TaskQueue` and the handles of executions are those of the application.
 *
 * Assertions throw an `AssertionError` of `node:assert`, which every test runner shows.
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
export class TestQueue extends AdditionAssertions {
  /** Clock of the queue: of `when`, retries and leases. A task's `timeout` follows the real time. */
  readonly clock: VirtualClock;
  readonly #patience: number;
  #moduleRef: ModuleRef | undefined;
  #drive: TestDrive | undefined;

  private constructor({ now, patience = '4s' }: TestQueueOptions) {
    super();
    this.clock = new VirtualClock(now);
    this.#patience = parseDuration('patience', patience, 1);
  }

  /**
   * Replaces the queue of the application. Call it before `compile()`.
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
    builder.overrideProvider(OUTBOX).useFactory({
      inject: [QUEUE_OPTIONS],
      // A fleet of its own: other tests and processes on the same database leave its rows alone.
      factory: ({ outbox, migrate }: ResolvedQueueOptions) =>
        outbox && new Outbox(outbox, `test/${randomUUID()}`, migrate),
    });
    builder.overrideProvider(OutboxRelay).useClass(TestRelay);
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
        // TaskQueue's own one waits for the real time.
        override runUntilFinished(): Promise<void> {
          return queue.runUntilFinished();
        }
      },
    );
    return queue;
  }

  /** Time of the clock. */
  get now(): Date {
    return new Date(this.clock.now());
  }

  /** Calls that have added or replaced, or found their key taken, in order. Without retries. */
  override get added(): readonly Addition[] {
    return [...this.#broker.executions.additions];
  }

  /** Empties `added`, for a test that ignores additions of the start or of its own preparation. */
  forgetAdded(): void {
    this.#broker.executions.additions.length = 0;
  }

  /**
   * Runs due executions at once from now on, as in production; only the clock still waits for the test. For code that
   * adds and awaits the `result()`.
   */
  start(): void {
    this.#driver.open();
    this.#relay.begin();
  }

  /**
   * Takes additions with `transaction` into the queue whose transactions have committed, and records them in `added`. Runs
   * nothing. `runUntilFinished()`, `runAtMost()` and `advance()` do the same, and from `start()` on it happens by itself.
   *
   * @throws the error of the database, when it cannot be reached.
   * @example
   * ```ts
   * await orders.place('ada'); // commits
   * await queue.relay();
   * queue.expectAdded(OrderTasks.prototype.process, { args: ['ada'] });
   * ```
   */
  async relay(): Promise<void> {
    await this.#relay.relayAll();
  }

  /**
   * Runs everything, later executions and their additions included: the clock goes from one due time to the next.
   * Parked executions, which wait for something other than time, stay.
   *
   * @throws {AssertionError} when an execution does not end within `patience`, or one key runs for ever.
   */
  runUntilFinished(): Promise<void> {
    return this.#relayed(() => this.#driver.runUntilFinished());
  }

  /**
   * Runs everything, with a limit on the runs of endless keys: each is cancelled after its number of runs. Automatic
   * perpetual tasks among them begin with it.
   *
   * @throws {TaskArgumentError} when a number is not a whole one from 0.
   * @example
   * ```ts
   * await queue.runAtMost({ 'orders.findPending': 3 });
   * ```
   */
  async runAtMost(starts: Readonly<Record<string, number>>): Promise<void> {
    await this.#get(AutomaticTasks).seed(Object.keys(starts));
    await this.relay();
    await this.#get(TaskQueue).runAtMost(starts);
  }

  /**
   * Runs due executions, then moves the clock and runs those that become due on the way, in order of time. Resolves
   * when all of them have ended, or wait for a later time.
   *
   * @param by a Duration from now, up to 24.8 days, or the Date to move to.
   * @throws {AssertionError} when an execution does not end within `patience`: it waits for the test, or for a time
   * that this call has not reached. `clock.advance()` moves the time under it.
   */
  async advance(by: Duration | Date): Promise<void> {
    await this.relay();
    await this.#driver.advance(by);
    await this.#relayed(() => this.#driver.advance(0), this.#get(QueueLog).counts.relayed);
  }

  /**
   * Simulates the death of the process that runs the execution. Its signal is aborted, its further work is not
   * recorded, and when the clock has passed its lease, it is started again.
   *
   * Called in the execution itself, by a double of a dependency, it returns a promise that never settles: a dead
   * process goes no further.
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
    // The work of other workers of the fleet: this one has lost the run.
    this.clock.schedule(leaseUntil - this.clock.now(), () => void this.#recover());
    const isWithin = currentActivity<Task>()?.task.run?.key === key;
    for (const task of this.#get(OpenTasks)) {
      if (!(task.run instanceof ExecutionRun) || task.run.key !== key) continue;
      task.run.loseLease();
      this.#get(TaskRunner).abandon(task);
    }
    if (isWithin) await new Promise<never>(() => {});
  }

  /** Relays, runs, and does so again for what runs have added in transactions. @param before number that was relayed. */
  async #relayed(run: () => Promise<void>, before = -1): Promise<void> {
    const { counts } = this.#get(QueueLog);
    for (let known = before; ;) {
      await this.relay();
      if (counts.relayed === known) return;
      known = counts.relayed;
      await run();
    }
  }

  async #recover(): Promise<void> {
    const { crashed } = await this.#broker.runs.recover();
    this.#get(QueueLog).recovered(crashed);
  }

  protected override nameOf(task: (...args: never[]) => unknown): string {
    return this.#get(DurableRegistry).require(task).name;
  }

  get #broker(): TestBroker {
    return this.#get(BROKER);
  }

  get #relay(): TestRelay {
    return this.#get<OutboxRelay>(OutboxRelay) as TestRelay;
  }

  get #driver(): TestDrive {
    return (this.#drive ??= new TestDrive(this.#broker, this.clock, this.#get(QueueWorker), this.#patience));
  }

  #get<T>(token: Type<T> | symbol): T {
    if (this.#moduleRef !== undefined) return this.#moduleRef.get<T>(token);
    throw moduleMissing('TestQueue has no queue. Await compile() first');
  }
}
