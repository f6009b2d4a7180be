import type { Pattern } from 'acorn';
import { parseFunction } from '../../scheduler/function-source.js';
import type { AnyFunction } from '../../scheduler/provider-classes.js';

/** Value by its name among the arguments, if it is there. */
export type Located = { readonly isFound: true; readonly value: unknown } | { readonly isFound: false };

const NOT_FOUND: Located = { isFound: false };

interface Parameter {
  readonly name: string | undefined;
  readonly isRequired: boolean;
  readonly isRest: boolean;
  /** Keys of a destructured object, unless it takes the rest as well. */
  readonly keys: readonly string[] | undefined;
}

/** Facts that the source cannot tell. */
export interface KnownParameters {
  /** Names by `@Arg()`, by position. */
  readonly names: ReadonlyMap<number, string>;
  /** Types that TypeScript leaves with `emitDecoratorMetadata`. */
  readonly types: readonly unknown[] | undefined;
}

/** Classes without keys of their own that could be meant. */
const WITHOUT_KEYS = new Set<unknown>([String, Number, Boolean, BigInt, Date, Array, Map, Set, Symbol]);

/** Parameters of a method, by the names that people know them by. */
export class Parameters {
  readonly #parameters: readonly Parameter[];
  readonly #types: readonly unknown[] | undefined;

  constructor(func: AnyFunction, { names, types }: KnownParameters) {
    const parsed = parseParameters(func);
    const count = Math.max(parsed.length, ...[...names.keys()].map((at) => at + 1));
    this.#parameters = Array.from({ length: count }, (_, at) => {
      const parameter = parsed[at] ?? { name: undefined, isRequired: false, isRest: false, keys: undefined };
      return { ...parameter, name: names.get(at) ?? parameter.name };
    });
    this.#types = types;
  }

  /** Names of all parameters that are known, with the keys of a single object. */
  get names(): string[] {
    return this.#parameters.flatMap(({ name, keys }) =>
      name === undefined ? (this.#isSingle ? (keys ?? []) : []) : [name],
    );
  }

  /** Names of parameters that must be given. */
  get required(): string[] {
    return this.#parameters.flatMap(({ isRequired }, at) => (isRequired ? [this.nameAt(at)] : []));
  }

  /** Name of a parameter, or its position. */
  nameAt(at: number): string {
    return this.#parameters[at]?.name ?? `#${at + 1}`;
  }

  /** Label of an argument in a log line; nothing where it has no name. */
  labelAt(at: number): string | undefined {
    const last = this.#parameters.at(-1);
    return (
      this.#parameters[at]?.name ?? (last?.isRest === true && at >= this.#parameters.length ? last.name : undefined)
    );
  }

  /** Tells if the parameter takes all arguments from its position on. */
  isRest(at: number): boolean {
    return this.#parameters[at]?.isRest === true;
  }

  /** Value of a parameter: of a rest parameter, a list. */
  valueAt(args: readonly unknown[], at: number): unknown {
    return this.isRest(at) ? args.slice(at) : args[at];
  }

  /** Tells if an execution may have a value of this name. A single object may have any key. */
  mayHave(name: string): boolean {
    if (this.names.includes(name)) return true;
    const [single] = this.#parameters;
    if (!this.#isSingle || single === undefined || single.keys !== undefined) return false;
    return !WITHOUT_KEYS.has(this.#types?.[0]);
  }

  /** Finds the value that an execution has for a name. */
  locate(args: readonly unknown[], name: string): Located {
    const at = this.#parameters.findIndex((parameter) => parameter.name === name);
    if (at !== -1) {
      return at < args.length || this.isRest(at) ? { isFound: true, value: this.valueAt(args, at) } : NOT_FOUND;
    }
    return locateKey(args, name);
  }

  get #isSingle(): boolean {
    return this.#parameters.length === 1;
  }
}

/** Finds a value by its key in the only argument, for a task that another process declares. */
export function locateKey(args: readonly unknown[], name: string): Located {
  const [object] = args;
  if (args.length !== 1 || typeof object !== 'object' || object === null || Array.isArray(object)) return NOT_FOUND;
  return Object.hasOwn(object, name) ? { isFound: true, value: (object as Record<string, unknown>)[name] } : NOT_FOUND;
}

/** Parsed parameters: until all modules are there, the registry looks again at each use. */
const parsedBefore = new WeakMap<AnyFunction, readonly Parameter[]>();

function parseParameters(func: AnyFunction): readonly Parameter[] {
  const known = parsedBefore.get(func) ?? parse(func);
  parsedBefore.set(func, known);
  return known;
}

/** Reads parameters from the source; none for a bound or a native function. */
function parse(func: AnyFunction): Parameter[] {
  return parseFunction(func)?.params.map(describe) ?? [];
}

function describe(pattern: Pattern): Parameter {
  switch (pattern.type) {
    case 'Identifier':
      return { name: pattern.name, isRequired: true, isRest: false, keys: undefined };
    case 'AssignmentPattern':
      return { ...describe(pattern.left), isRequired: false };
    case 'RestElement':
      return { ...describe(pattern.argument), isRequired: false, isRest: true };
    case 'ObjectPattern':
      return { name: undefined, isRequired: true, isRest: false, keys: keysOf(pattern) };
    default:
      return { name: undefined, isRequired: true, isRest: false, keys: undefined };
  }
}

function keysOf({ properties }: Extract<Pattern, { type: 'ObjectPattern' }>): string[] | undefined {
  const keys: string[] = [];
  for (const property of properties) {
    if (property.type !== 'Property' || property.computed) return undefined;
    const { key } = property;
    keys.push(key.type === 'Identifier' ? key.name : String((key as { value?: unknown }).value));
  }
  return keys;
}
