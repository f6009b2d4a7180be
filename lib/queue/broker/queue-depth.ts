/** Executions of one task that have not ended, counted at one moment. */
export interface TaskDepth {
  /** Name of the task. */
  readonly name: string;
  readonly scheduled: number;
  /** Due, and not started. */
  readonly waiting: number;
  readonly parked: number;
  readonly running: number;
  readonly retrying: number;
  /** Least time at which a waiting one was due, in milliseconds since the epoch. `undefined` where none waits. */
  readonly oldestDue: number | undefined;
}

type Counted = Exclude<keyof TaskDepth, 'name' | 'oldestDue'>;

/** Adds up parts of the depths of tasks. */
export class TaskDepths {
  readonly #depths = new Map<string, { -readonly [K in keyof TaskDepth]: TaskDepth[K] }>();

  add(name: string, state: Counted, count = 1): void {
    this.#of(name)[state] += count;
  }

  addWaiting(name: string, due: number, count = 1): void {
    const depth = this.#of(name);
    depth.waiting += count;
    if (depth.oldestDue === undefined || due < depth.oldestDue) depth.oldestDue = due;
  }

  list(): TaskDepth[] {
    return [...this.#depths.values()];
  }

  #of(name: string) {
    const known = this.#depths.get(name);
    if (known !== undefined) return known;
    const added = { name, scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestDue: undefined };
    this.#depths.set(name, added);
    return added;
  }
}
