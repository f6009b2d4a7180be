import { TaskArgumentError } from '../broker/queue-errors.js';
import type { QueueLog } from '../log/queue-log.js';

/**
 * Takes the arguments of a task: the second call of `queue.add(task, options)(...args)`, without which nothing is added.
 * May be kept, and called any number of times. It is no promise: `await` does not compile, and rejects with
 * {@link TaskArgumentError}.
 *
 * @publicApi
 */
export interface ArgumentsCall<A extends unknown[], R> {
  (...args: A): R;
  /** Keeps `await` from passing over the missing call. */
  readonly then: (missing: "Call the result with the task's arguments: queue.add(task, options)(…)") => never;
}

/** Call that waits for its arguments. */
interface Pending {
  readonly calls: ArgumentsCalls;
  /** Name of the call, such as `queue.add`. */
  readonly call: string;
  readonly task: string;
  isCalled: boolean;
  /** Function that was returned, only while it is young: a registered function must not be held. */
  func: object | undefined;
}

/** After which time one that was not called is watched, in milliseconds: nearly all are called at once. */
const YOUTH = 1_000;
/** Number of tasks that warnings name. */
const MAX_TOLD = 100;

const PENDING = Symbol('pending');

/**
 * Makes functions that take a task's arguments, and warns of those that nobody has called and nobody can call any more.
 * A function that is kept for later is never warned of.
 */
export class ArgumentsCalls {
  /** Call that was made last: nearly all are called before the next is made. */
  private last: Pending | undefined;
  private young: Pending[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly told = new Set<string>();
  private readonly forgotten = new FinalizationRegistry<Pending>((pending) => this.warn(pending));

  constructor(private readonly log: QueueLog) {}

  /** @param call how it is written, such as `queue.add`. */
  expect<A extends unknown[], R>(call: string, task: string, add: (task: string, args: A) => R): ArgumentsCall<A, R> {
    const pending: Pending = { calls: this, call, task, isCalled: false, func: undefined };
    const take = (...args: A): R => {
      if (!pending.isCalled) this.heed(pending);
      return add(task, args);
    };
    // One function for all: a closure for each would cost a quarter of an add() in memory.
    // oxlint-disable-next-line unicorn/no-thenable -- `await` without the second call is what is to be caught
    take.then = refuseAwait;
    take[PENDING] = pending;
    pending.func = take;
    if (this.last !== undefined) this.young.push(this.last);
    this.last = pending;
    if (this.timer === undefined) this.timer = setTimeout(() => this.watchYoung(), YOUTH).unref();
    return take;
  }

  /** Marks a call as called, or as awaited, which rejects by itself. */
  heed(pending: Pending): void {
    pending.isCalled = true;
    if (this.last === pending) this.last = undefined;
    else if (pending.func === undefined) this.forgotten.unregister(pending);
    pending.func = undefined;
  }

  private watchYoung(): void {
    this.timer = undefined;
    const young = this.last === undefined ? this.young : [...this.young, this.last];
    this.young = [];
    this.last = undefined;
    for (const pending of young) {
      const { func } = pending;
      if (func === undefined) continue; // called
      pending.func = undefined;
      this.forgotten.register(func, pending, pending);
    }
  }

  private warn({ call, task }: Pending): void {
    if (this.told.has(task) || this.told.size >= MAX_TOLD) return;
    this.told.add(task);
    this.log.neverCalled(call, task);
  }
}

/** Refuses to be awaited: the `then` of a function that waits for its arguments. */
function refuseAwait(this: { readonly [PENDING]: Pending }, _fulfil: unknown, reject?: unknown): never {
  const { calls, call, task } = this[PENDING];
  calls.heed(this[PENDING]);
  const error = new TaskArgumentError(
    task,
    'The second call',
    undefined,
    `a call of the result with the task's arguments: ${call}(task, options)(…)`,
    'missing, and nothing was added',
  );
  if (typeof reject !== 'function') throw error;
  return reject(error) as never;
}
