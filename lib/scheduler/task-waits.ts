import { createDeferred } from '../task/deferred.js';
import { currentActivity, type TaskActivity } from '../task/task-activity.js';
import { TaskWaitError } from '../task/task-errors.js';
import { TASK_LINES } from '../task/task-lines.js';
import type { TaskOrigin } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { TaskLog } from './task-log.js';
import { DEFAULT_POOL } from './task-pool-options.js';
import type { TaskPool } from './task-pool.js';

/** Interval at which a wait is checked, in milliseconds. */
const PATIENCE = 1_000;
/** Maximum number of names in a message. */
const MAX_NAMES = 5;

/** Tasks that cannot start because of each other, or because of the code that awaits them. */
interface Cycle {
  readonly tasks: readonly Task[];
  readonly error: TaskWaitError;
}

/** Wait for the end of a task that has not started. */
interface Wait {
  /** True when the wait can end after all. */
  readonly isOver: boolean;
  findCycle(): Cycle | undefined;
}

/** Finds waits that would never end, and reports the reason. A check begins where code asks for the end of a task. */
export class TaskWaits {
  readonly #poolWaits = new Set<PoolWait>();
  /** Awaited tasks of cycles that were logged. */
  readonly #told = new WeakSet<Task>();

  constructor(
    private readonly poolOf: (task: Task) => TaskPool | undefined,
    private readonly log: TaskLog,
  ) {}

  /** Warns when the calling code waits for the task in a cycle. */
  warn(task: Task): void {
    const wait = this.#waitHere(task);
    if (wait !== undefined) this.#watch(wait);
  }

  /** Watches for a cycle. @returns a promise that rejects on one; undefined where none is possible. */
  fail(task: Task): Promise<never> | undefined {
    const wait = this.#waitHere(task);
    if (wait === undefined) return undefined;
    const { promise, reject } = createDeferred<never>();
    this.#watch(wait, reject);
    return promise;
  }

  #waitHere(task: Task): Wait | undefined {
    const { origin, state } = task;
    if (state.hasEnded || task.isStarted) return undefined;
    const activity = currentActivity<Task>();
    if (!state.isSubmitted) {
      // A task of the same handler may wait for the handler's end without a limit.
      const isHandler = origin?.isCallerOpen === true && activity?.task.origin !== origin;
      return isHandler ? new HandlerWait(task, origin) : undefined;
    }
    if (activity?.isRunning !== true) return undefined;
    const pool = this.poolOf(task);
    const isSame = pool !== undefined && this.poolOf(activity.task) === pool && pool.state.concurrency !== Infinity;
    return isSame ? new PoolWait(task, activity, pool, this.#poolWaits) : undefined;
  }

  #watch(wait: Wait, reject?: (error: TaskWaitError) => void): void {
    if (wait instanceof PoolWait) this.#poolWaits.add(wait);
    const end = (): void => {
      clearInterval(timer);
      if (wait instanceof PoolWait) this.#poolWaits.delete(wait);
    };
    const look = (): void => {
      if (wait.isOver) return end();
      const cycle = wait.findCycle();
      if (cycle === undefined) return;
      this.#tell(cycle);
      if (reject === undefined) return; // the wait goes on
      end();
      reject(cycle.error);
    };
    const timer = setInterval(look, PATIENCE).unref();
  }

  /** Logs the cycle, in one line for all of its tasks. */
  #tell({ tasks, error }: Cycle): void {
    if (!tasks.every((task) => this.#told.has(task))) this.log.cycle(error);
    for (const task of tasks) this.#told.add(task);
  }
}

/** Wait of a handler for a task that starts at the handler's end. */
class HandlerWait implements Wait {
  constructor(
    private readonly task: Task,
    private readonly origin: TaskOrigin,
  ) {}

  get isOver(): boolean {
    const { state } = this.task;
    return state.isSubmitted || state.hasEnded || !this.origin.isCallerOpen;
  }

  findCycle(): Cycle {
    const error = new TaskWaitError(TASK_LINES.warn.held(this.task.label));
    return { tasks: [this.task], error };
  }
}

/** Wait of a task for a queued one of its own pool. */
class PoolWait implements Wait {
  constructor(
    private readonly task: Task,
    private readonly waiter: TaskActivity<Task>,
    private readonly pool: TaskPool,
    private readonly all: ReadonlySet<PoolWait>,
  ) {}

  get isOver(): boolean {
    return this.task.state.poolPlace !== 'queue' || !this.waiter.isRunning;
  }

  findCycle(): Cycle | undefined {
    const waits = [...this.all].filter((wait) => wait.pool === this.pool && !wait.isOver);
    const waiters = new Set(waits.map(({ waiter }) => waiter.task));
    if (waiters.size < this.pool.state.running) return undefined;
    const error = new TaskWaitError(
      TASK_LINES.warn.stuck(this.task.label, this.task.config.pool ?? DEFAULT_POOL, namesOf(waiters)),
    );
    return { tasks: waits.map(({ task }) => task), error };
  }
}

function namesOf(tasks: ReadonlySet<Task>): string {
  const names = [...tasks].slice(0, MAX_NAMES).map(({ label }) => label);
  return `${names.join(', ')}${tasks.size > MAX_NAMES ? ` and ${tasks.size - MAX_NAMES} more` : ''}`;
}
