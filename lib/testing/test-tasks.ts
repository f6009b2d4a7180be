import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { RequestRegistry } from '../request/request-registry.js';
import { TaskEvents } from '../scheduler/task-events.js';
import { OpenTasks } from '../scheduler/open-tasks.js';
import { TaskLog } from '../scheduler/task-log.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { TasksShutdown } from '../scheduler/tasks-shutdown.js';
import { parseDuration, type Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';
import { moduleMissing } from '../task/usage-errors.js';
import type { Task } from '../task/task.js';
import { fail } from './fail.js';
import { InlineReplies, requestsWith } from './inline-replies.js';
import { InlineRunner } from './inline-runner.js';
import { RecordingRunner } from './recording-runner.js';
import { ScheduledTasks } from './scheduled-tasks.js';
import { RecordedEvents } from './task-record.js';
import { shutdownWithin, TestShutdown, type ShutdownReport } from './test-shutdown.js';
import { comesWithin, holdsWithin, turn } from './turn.js';
import { listUnfinished } from './unfinished.js';

/**
 * Treatment of the tasks of a test.
 *
 * - `'run'`: they run, as in production.
 * - `'record'`: only those run that the test runs with `run()`.
 * - `'inline'`: they start in the call that schedules them, or when the handler has ended for those of a batch. The
 *   response
 *   waits for all tasks of its request.
 *
 * @publicApi
 */
export type TestTasksMode = 'run' | 'record' | 'inline';

/**
 * Options of the tasks of a test.
 *
 * @publicApi
 */
export interface TestTasksOptions {
  /** Treatment of tasks. Default `'run'`. */
  mode?: TestTasksMode | undefined;
  /** Real time that `idle()`, `shutdown()` and inline responses wait. Default `'4s'`. */
  patience?: Duration | undefined;
}

/**
 * Options of `shutdown()`.
 *
 * @publicApi
 */
export interface TestShutdownOptions {
  /** Replaces the application's `shutdown.gracePeriod`, in real time. */
  gracePeriod?: Duration | undefined;
}

const MODES: readonly unknown[] = ['run', 'record', 'inline'] satisfies TestTasksMode[];

/** Instances by a singleton of each application, for `of()`. */
const known = new WeakMap<TaskEvents, TestTasks>();

/**
 * Request tasks of an application under test, and those of `TaskScheduler`, with assertions, waits and shutdown.
 * Durable tasks belong to `TestQueue`.
 *
 * Assertions throw an `AssertionError` of `node:assert`, which every test runner shows.
 *
 * @example
 * ```ts
 * const builder = Test.createTestingModule({ imports: [AppModule] });
 * const tasks = TestTasks.install(builder, { mode: 'record' });
 * const app = (await builder.compile()).createNestApplication();
 * await app.init();
 *
 * await request(app.getHttpServer()).post('/orders').expect(201); const mail =
 * tasks.expectScheduled(MailService.prototype.send, { timing: 'afterResponse', args: ['ada@example.com'] }); await
 * tasks.run(mail); // it is sent
 * ```
 * @publicApi
 */
export class TestTasks extends ScheduledTasks {
  readonly #mode: TestTasksMode;
  /** Limit in milliseconds. */
  readonly #patience: number;
  #find: (<T>(token: Type<T>) => T) | undefined;
  #replies: InlineReplies | undefined;
  #gracePeriod: number | undefined;
  #isInstalled = false;
  #shutdown: Promise<ShutdownReport> | undefined;

  private constructor({ mode = 'run', patience = '4s' }: TestTasksOptions) {
    super();
    if (!MODES.includes(mode)) throw new TasksConfigError('mode', mode, `'run', 'record' or 'inline'`);
    this.#mode = mode;
    this.#patience = parseDuration('patience', patience, 1);
  }

  /**
   * Takes control of the tasks of the application. Call it before `compile()`.
   *
   * @throws {TasksConfigError} when an option cannot be used.
   */
  static install(builder: TestingModuleBuilder, options: TestTasksOptions = {}): TestTasks {
    const tasks = new TestTasks(options);
    tasks.#isInstalled = true;
    builder.overrideProvider(TaskEvents).useFactory({
      inject: [ModuleRef],
      factory: (moduleRef: ModuleRef) => {
        tasks.#find = (token) => moduleRef.get(token);
        const events = new RecordedEvents(tasks.record);
        known.set(events, tasks);
        return events;
      },
    });
    builder.overrideProvider(TasksShutdown).useClass(shutdownWithin(() => tasks.#gracePeriod));
    if (tasks.#mode === 'record') builder.overrideProvider(TaskRunner).useClass(RecordingRunner);
    if (tasks.#mode === 'inline') {
      builder.overrideProvider(TaskRunner).useClass(InlineRunner);
      builder.overrideProvider(RequestRegistry).useClass(requestsWith(() => tasks.#inlineReplies));
    }
    return tasks;
  }

  /**
   * Takes control of an application that was made without a builder, from now on: its tasks run. Returns the installed
   * instance, if any.
   *
   * @param options `patience` alone.
   * @throws {TasksUsageError} `TASKS_MODULE_MISSING` when the application has no TasksModule.
   */
  static of(app: INestApplicationContext, options: Pick<TestTasksOptions, 'patience'> = {}): TestTasks {
    const events = eventsOf(app);
    const own = known.get(events);
    if (own !== undefined) return own;
    const tasks = new TestTasks(options);
    known.set(events, tasks);
    tasks.#find = (token) => app.get(token, { strict: false });
    events.events$.subscribe((event) => tasks.record.note(event));
    return tasks;
  }

  /**
   * Resolves when all work has ended: tasks of any timing, with the tasks that they schedule, `onError` and retries.
   * Waits also for open responses, which hold their batches.
   *
   * @throws {AssertionError} that lists unfinished tasks, when that takes longer than `patience`.
   */
  async idle(): Promise<void> {
    const openTasks = this.#get(OpenTasks);
    const isIdle = async (): Promise<void> => {
      do {
        await openTasks.idle();
        await turn(); // code that awaited the last task may schedule the next
      } while ([...openTasks].length > 0);
    };
    if (await comesWithin(this.#patience, isIdle())) return;
    fail(listUnfinished(`Tasks did not end within ${this.#patience} ms:`, openTasks, this.record), this.idle);
  }

  /**
   * Runs one captured task in mode `'record'`, for real: on its provider, with its context, timeout and `onError`.
   * Tasks that it schedules are captured too. Waits until its batch would have started it.
   *
   * @returns the function's result. Rejects with the task's error when `onError` has settled.
   * @throws {TasksConfigError} in another mode.
   * @throws {AssertionError} when it has been run, or its response does not end within `patience`.
   * @example
   * ```ts
   * const mail = tasks.expectScheduled(MailService.prototype.send);
   * await expect(tasks.run(mail)).rejects.toThrow('The mail server is down');
   * ```
   */
  async run<R>(task: Task<R>): Promise<R> {
    const { state, label } = task;
    const runner = this.#get(TaskRunner);
    if (!(runner instanceof RecordingRunner)) {
      throw new TasksConfigError('mode', this.#mode, `'record' for run(); in other modes tasks run without it`);
    }
    if (!(await holdsWithin(this.#patience, () => state.isSubmitted || state.hasEnded))) {
      return fail(
        listUnfinished(`Task could not start within ${this.#patience} ms:`, [task as Task], this.record),
        this.run,
      );
    }
    if (!runner.release(task as Task) && task.isStarted) {
      return fail(`Task ${label} was run before (${task.status}). Use retry() to call its function again.`, this.run);
    }
    return task.result();
  }

  /**
   * Runs the phases of the application's shutdown on its tasks, while the application continues: *closing*, the
   * requests in flight, *final*. Durable executions are drained too, and nothing starts any more. A later `close()`
   * skips these phases.
   *
   * @param options `gracePeriod`: instead of the application's; needs `install()`.
   * @returns the report; further calls return the same.
   * @throws {AssertionError} that lists what shutdown still waits for, when that takes longer than `patience`.
   * @example
   * ```ts
   * const { awaited, abandoned } = await tasks.shutdown({ gracePeriod: '10ms' });
   * expect(awaited).toEqual([payment]);
   * expect(abandoned.map(({ name }) => name)).toEqual(['poll']);
   * ```
   */
  async shutdown({ gracePeriod }: TestShutdownOptions = {}): Promise<ShutdownReport> {
    if (gracePeriod !== undefined) {
      if (!this.#isInstalled)
        throw new TasksConfigError('gracePeriod', gracePeriod, 'no value without TestTasks.install()');
      this.#gracePeriod = parseDuration('gracePeriod', gracePeriod);
    }
    return (this.#shutdown ??= this.#shutDown());
  }

  async #shutDown(): Promise<ShutdownReport> {
    const openTasks = this.#get(OpenTasks);
    let isPatient = true;
    const isServed = (): boolean => [...openTasks].every(({ origin }) => origin === undefined || origin.isEnded);
    const simulated = new TestShutdown(this.#get(TasksShutdown), openTasks);
    const ended = simulated.run(async () => {
      await holdsWithin(Infinity, () => !isPatient || isServed());
      return isPatient;
    });
    if (await comesWithin(this.#patience, ended)) return simulated.report;
    isPatient = false;
    const title = `Shutdown still waits after ${this.#patience} ms for these tasks, or for the end of their requests:`;
    return fail(listUnfinished(title, openTasks, this.record), this.shutdown);
  }

  get #inlineReplies(): InlineReplies {
    return (this.#replies ??= new InlineReplies(this.#get(OpenTasks), this.record, this.#get(TaskLog), this.#patience));
  }

  get #get(): <T>(token: Type<T>) => T {
    if (this.#find !== undefined) return this.#find;
    throw moduleMissing('TestTasks has no tasks. Await compile() first');
  }
}

function eventsOf(app: INestApplicationContext): TaskEvents {
  try {
    return app.get(TaskEvents, { strict: false });
  } catch {
    throw moduleMissing('TestTasks.of() finds no tasks module in the application');
  }
}
