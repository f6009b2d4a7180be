import { typedArrayOfNumbers } from './value-kind.js';

/** Value as earlier versions stored it, with superjson 2: JSON, and the types and identities of its parts by path. */
export interface SuperjsonRecord {
  readonly json: unknown;
  readonly meta?: {
    readonly values?: Annotations;
    readonly referentialEqualities?: Equalities | readonly [rootPaths: readonly string[], others?: Equalities];
  };
}

/** Type of a value, types of the values within by path, or both. */
type Annotations =
  | { readonly [path: string]: Annotations }
  | readonly [type: unknown, within?: { readonly [path: string]: Annotations }];

/** Paths of the same object, by one of its paths. */
type Equalities = Readonly<Record<string, readonly string[]>>;

type Node = Record<string, unknown>;

/** Limit of passes: an object is merged with all that it holds, so each level may need one more. */
const MAX_PASSES = 100;

/**
 * Reads a record of superjson. superjson 2.2.6 itself reads a fifth of the random graphs wrongly that it has written.
 *
 * @throws {TypeError} {@link SyntaxError} {@link RangeError} where it is damaged.
 */
export function readSuperjson({ json, meta }: SuperjsonRecord): unknown {
  const reader = new SuperjsonReader(json);
  reader.annotate(meta?.values);
  reader.merge(meta?.referentialEqualities);
  return reader.read();
}

class SuperjsonReader {
  /** Holds the value under an empty name, so that the value itself has a path. */
  readonly #root: Node;
  /** Types of JSON that stands for a Set, a Map or an Error. */
  readonly #containers = new Map<unknown, string>();
  readonly #values = new Map<object, unknown>();

  constructor(json: unknown) {
    this.#root = { '': json };
  }

  /** Replaces single values, and notes the types of containers. */
  annotate(annotations: Annotations | undefined, path: readonly string[] = ['']): void {
    if (annotations === undefined) return;
    const [type, within] = isList(annotations) ? annotations : [undefined, annotations];
    for (const [steps, each] of Object.entries(within ?? {})) this.annotate(each, [...path, ...stepsOf(steps)]);
    if (!isList(annotations)) return;
    const [parent, key] = this.#locate(path);
    const json = parent[key];
    if (type === 'set' || type === 'map' || type === 'Error') this.#containers.set(json, type);
    else parent[key] = singleValue(type, json);
  }

  /** Lets the paths of an object lead to one object. In JSON, each path has a copy, or `null` in a circle. */
  merge(equalities: NonNullable<SuperjsonRecord['meta']>['referentialEqualities']): void {
    if (equalities === undefined) return;
    const [rootPaths, others = {}] = isList(equalities) ? equalities : [[], equalities];
    const classes = [{ path: [''], same: rootPaths.map(fromRoot) }];
    for (const [path, same] of Object.entries(others)) classes.push({ path: fromRoot(path), same: same.map(fromRoot) });
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      let hasChanged = false;
      for (const { path, same } of classes) {
        const [holder, name] = this.#locate(path);
        for (const each of same) {
          const [parent, key] = this.#locate(each);
          hasChanged ||= parent[key] !== holder[name];
          parent[key] = holder[name];
        }
      }
      if (!hasChanged) return;
    }
  }

  read(): unknown {
    return this.#read(this.#root['']);
  }

  #read(json: unknown): unknown {
    if (typeof json !== 'object' || json === null) return json;
    if (this.#values.has(json)) return this.#values.get(json);
    switch (this.#containers.get(json)) {
      case 'set':
        return this.#fill(json, new Set(), (set) => {
          for (const item of json as unknown[]) set.add(this.#read(item));
        });
      case 'map':
        return this.#fill(json, new Map(), (map) => {
          for (const [key, item] of json as [unknown, unknown][]) map.set(this.#read(key), this.#read(item));
        });
      case 'Error':
        return this.#fill(json, new Error(String((json as Node)['message'])), (error) => {
          const { name, message, cause } = json as Node;
          const own = {
            name,
            stack: `${String(name)}: ${String(message)}`,
            ...('cause' in json && { cause: this.#read(cause) }),
          };
          for (const [key, value] of Object.entries(own)) {
            Object.defineProperty(error, key, { value, configurable: true, writable: true });
          }
        });
      default:
        return this.#fill(json, json, () => {
          if (!isPlain(json)) return; // a value that has been replaced, such as a Date
          for (const key of Object.keys(json)) (json as Node)[key] = this.#read((json as Node)[key]);
        });
    }
  }

  #fill<T extends object>(json: object, value: T, fill: (value: T) => void): T {
    this.#values.set(json, value);
    fill(value);
    return value;
  }

  #locate(path: readonly string[]): [parent: Node, key: string] {
    let parent: unknown = this.#root;
    for (const [at, key] of path.entries()) {
      if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) {
        throw new TypeError('A path leads nowhere');
      }
      if (at === path.length - 1) return [parent as Node, key];
      parent = (parent as Node)[key];
    }
    throw new TypeError('A path is empty');
  }
}

function isList<T extends readonly unknown[]>(value: T | object): value is T {
  return Array.isArray(value);
}

function isPlain(json: object): boolean {
  return Array.isArray(json) || Object.getPrototypeOf(json) === Object.prototype;
}

function fromRoot(path: string): string[] {
  return ['', ...stepsOf(path)];
}

/** Splits a path at its dots. Dots and backslashes of keys are escaped with a backslash. */
function stepsOf(path: string): string[] {
  const steps = [''];
  for (const [part, escaped] of path.matchAll(/\\(.)|\.|[^\\.]+/gs)) {
    if (part === '.') steps.push('');
    else steps.push(steps.pop() + (escaped ?? part));
  }
  return steps;
}

function singleValue(type: unknown, json: unknown): unknown {
  if (Array.isArray(type) && type[0] === 'typed-array') return typedArrayOfNumbers(type[1], json as unknown[]);
  switch (type) {
    case 'undefined':
      return undefined;
    case 'bigint':
      return BigInt(json as string);
    case 'number':
      return Number(json);
    case 'Date':
      return new Date(json as string);
    case 'URL':
      return new URL(json as string);
    case 'regexp': {
      const text = json as string;
      const end = text.lastIndexOf('/');
      return new RegExp(text.slice(1, end), text.slice(end + 1));
    }
    default:
      throw new TypeError('A type that is not known');
  }
}
