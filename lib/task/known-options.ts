import { labelText } from './log-text.js';
import { TasksConfigError } from './task-errors.js';

/** Remedies by the name of an option of another library, or of another place. */
export type Habits = Readonly<Record<string, string>>;

/** Option that does not exist, with its replacement. */
export interface UnknownOption {
  readonly name: string;
  /** Finding, such as `no option of task() (use shield)`. */
  readonly what: string;
  /** Names of all options, for the message. */
  readonly allowed: string;
}

/** Characters of a name for each edit by which a misspelled name may differ from the intended one. */
const CHARACTERS_PER_EDIT = 3;

/**
 * Names of all options of one kind. The compiler keeps them complete: every key of `T`, and no other.
 *
 * Types refuse unknown options in object literals only. Options from a factory or from JavaScript are refused here.
 */
export class KnownOptions<T extends object> {
  readonly #names: Readonly<Record<string, true>>;

  get names(): string[] {
    return Object.keys(this.#names);
  }

  constructor(
    names: Readonly<Record<keyof T, true>>,
    private readonly habits: Habits = {},
  ) {
    // Names on a prototype must not match. An object rather than a Set: V8 inlines its look-up by a constant key.
    this.#names = Object.assign(Object.create(null) as Record<string, true>, names);
  }

  /**
   * Finds an option that does not exist. An option that is `undefined` counts as absent.
   *
   * @param where owner of the options, such as `task()`.
   */
  find(options: object, where: string): UnknownOption | undefined {
    if (typeof options !== 'object') return undefined; // refused by validateTaskConfig()
    for (const name in options) {
      if (name in this.#names) continue;
      if (Object.hasOwn(options, name) && (options as Record<string, unknown>)[name] !== undefined) {
        return this.#describe(name, where);
      }
    }
    return undefined;
  }

  /**
   * Refuses the first option that does not exist. Its value stays out of the message: it may be a password.
   *
   * @param where owner of the options, such as `task()`.
   * @throws {TasksConfigError} naming the option.
   */
  check(options: object, where: string): void {
    const unknown = this.find(options, where);
    if (unknown !== undefined) throw new TasksConfigError(unknown.name, '…', unknown.allowed, unknown.what);
  }

  #describe(name: string, where: string): UnknownOption {
    const habit = Object.hasOwn(this.habits, name) ? this.habits[name] : undefined;
    const near = habit === undefined ? this.#nearest(name) : undefined;
    const advice = habit !== undefined ? ` (use ${habit})` : near !== undefined ? ` (did you mean ${near}?)` : '';
    return { name: labelText(name), what: `no option of ${where}${advice}`, allowed: this.names.toSorted().join(', ') };
  }

  #nearest(name: string): string | undefined {
    const lower = name.toLowerCase();
    const limit = Math.max(1, Math.floor(name.length / CHARACTERS_PER_EDIT));
    const [nearest] = this.names
      .map((known) => ({ known, edits: editsBetween(lower, known.toLowerCase()) }))
      .filter(({ edits }) => edits <= limit)
      .toSorted((a, b) => a.edits - b.edits);
    return nearest?.known;
  }
}

/** Counts the insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editsBetween(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwap) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    before = last;
    last = row;
  }
  return last[to.length]!;
}
