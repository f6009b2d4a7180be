import { describeType } from '../../../task/task-errors.js';
import { describeSize } from '../../broker/size.js';

/** Deepest nesting of what travels: an argument or a result is the first level. */
export const MAX_DEPTH = 100;
/** Longest path that an error shows. Keys are the user's, and may be long. */
const LONGEST_PATH = 200;

/** Step from a value to one within it: an index, or a name. */
export type Step = number | string;

/** Path as messages show it, such as `args[0].file`. */
export function pathOf(start: string, steps: readonly Step[]): string {
  return steps.reduce<string>((path, step) => path + (typeof step === 'number' ? `[${step}]` : `.${step}`), start);
}

/** Reason why a value cannot travel: the path in it, and the finding there. */
export class Obstacle extends Error {
  readonly path: string;

  constructor(
    path: string,
    readonly value: unknown,
    readonly allowed: string,
    readonly shown = describeType(value),
  ) {
    super();
    this.path = path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path;
  }
}

/** Obstacle of a value that is too deep or too large. */
export class Excess extends Obstacle {
  static ofDepth(path: string, value: unknown): Excess {
    return new Excess(path, value, `up to ${MAX_DEPTH} levels`, `nested deeper than ${MAX_DEPTH} levels`);
  }

  static ofSize(path: string, value: unknown, maxSize: number): Excess {
    const allowed = `up to ${describeSize(maxSize)} in all (queue.maxArgumentSize); pass ids, and store large values elsewhere`;
    return new Excess(path, value, allowed, 'too large');
  }
}
