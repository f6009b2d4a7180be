import { inspect } from 'node:util';
import { Chance } from '../../faults/chance.js';

const TEXTS = ['', 'text', 'a.b', 'NUL \0', '\ud800', 'quote " \\', '😀', '$date', '{"$rich":1}'];
export const KEYS = ['a', 'b', '', '0', '10', 'a.b', 'a\\.b', 'a\\', '$date', '$ref', '$rich', '$object', 'toString'];
/** Keys that superjson refused. */
const NEW_KEYS = ['constructor', 'prototype'];
const NUMBERS = [0, 1, -1, 0.1, 2 ** 53, -0, Number.NaN, Infinity, -Infinity, 1e21, 5e-324];
const BYTES = [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int16Array, Uint32Array, Int32Array];

/** Graphs of all types that travel, in which objects stand in several places and within themselves. */
class RandomGraph {
  /** Objects that may stand elsewhere too. */
  private objects: object[] = [];

  constructor(
    private readonly chance: Chance,
    private readonly keys: readonly string[] = [...KEYS, ...NEW_KEYS],
  ) {}

  /** A list that JSON alone cannot hold. */
  next(): unknown[] {
    this.objects = [];
    const root: unknown[] = [this.keep(new Date(this.chance.below(1e6))), undefined];
    this.keep(root);
    for (let count = this.chance.below(6); count >= 0; count -= 1) root.push(this.value(1));
    return root;
  }

  private value(depth: number): unknown {
    const choice = this.chance.below(depth > 4 ? 11 : 17);
    switch (choice) {
      case 0:
        return this.one(TEXTS);
      case 1:
        return this.one(NUMBERS);
      case 2:
        return this.one([null, undefined, true, false]);
      case 3:
        return BigInt(this.chance.below(1e6)) ** 5n - 7n;
      case 4:
        return this.keep(new Date(this.chance.below(1e6) - 5e5));
      case 5:
        return this.keep(this.one([() => /a\/b[/]+/gi, () => new URL('https://example.com/a?b=c#d')])());
      case 6:
        return this.keep(new (this.one(BYTES))([0, 1, this.chance.below(200)]));
      case 7:
        return this.keep(new (this.one([Float32Array, Float64Array]))([0.5, -0, Infinity, Number.NaN]));
      case 8:
        return this.error(depth);
      case 9:
      case 10:
        return this.one(this.objects);
      case 11:
      case 12:
        return this.filled([] as unknown[], depth, (list, item) => list.push(item));
      case 13:
        return this.filled(new Set(), depth, (set, item) => set.add(item));
      case 14:
        return this.filled(new Map(), depth, (map, item) => map.set(this.value(depth + 1), item));
      default:
        return this.filled(
          {} as Record<string, unknown>,
          depth,
          (object, item) => (object[this.one(this.keys)] = item),
        );
    }
  }

  private error(depth: number): Error {
    const error = this.keep(new (this.one([Error, TypeError, RangeError]))(this.one(TEXTS)));
    if (this.chance.below(2) === 0) {
      const cause = this.value(depth + 1);
      if (cause !== undefined) error.cause = cause;
    }
    return error;
  }

  private filled<T extends object>(container: T, depth: number, put: (container: T, item: unknown) => unknown): T {
    this.keep(container);
    for (let count = this.chance.below(4); count > 0; count -= 1) put(container, this.value(depth + 1));
    return container;
  }

  private keep<T extends object>(object: T): T {
    this.objects.push(object);
    return object;
  }

  private one<T>(items: readonly T[]): T {
    return items[this.chance.below(items.length)] as T;
  }
}

/**
 * @param check what is wrong with a graph, if anything.
 * @returns what is wrong with the first that is wrong, and how it comes again.
 */
export function firstWrong(
  turns: number,
  check: (graph: unknown[], chance: Chance) => string | undefined,
  keys?: readonly string[],
): string | undefined {
  const chance = new Chance();
  const graphs = new RandomGraph(chance, keys);
  for (let turn = 0; turn < turns; turn += 1) {
    const graph = graphs.next();
    const wrong = check(graph, chance);
    if (wrong !== undefined) {
      return `TASKS_TEST_SEED=${chance.seed}, graph ${turn}: ${wrong}\n${inspect(graph, { depth: 20 })}`;
    }
  }
  return undefined;
}

/** Where two graphs differ: in a value, in an order, or in what is the same object. */
export function differenceOf(
  a: unknown,
  b: unknown,
  pairs = new Map<object, object>(),
  path = 'root',
): string | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return Object.is(a, b) ? undefined : path;
  }
  const known = pairs.get(a);
  if (known !== undefined || [...pairs.values()].includes(b)) return known === b ? undefined : `${path} (identity)`;
  pairs.set(a, b);
  if (Object.getPrototypeOf(b) !== (a instanceof Error ? Error.prototype : Object.getPrototypeOf(a))) {
    return `${path} (class)`;
  }
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left.length !== right.length) return `${path} (length)`;
  for (const [at, part] of left.entries()) {
    const difference = differenceOf(part, right[at], pairs, `${path}/${at}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function partsOf(value: object): unknown[] {
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof RegExp || value instanceof URL) return [String(value)];
  if (value instanceof Error) return [value.name, value.message, value.cause];
  if (ArrayBuffer.isView(value)) return [...(value as Uint8Array)];
  if (value instanceof Set) return [...value];
  if (value instanceof Map) return [...value].flat(1);
  return Object.entries(value).flat(1);
}
