import { Excess, MAX_DEPTH, Obstacle, pathOf, type Step } from './obstacle.js';
import { FORBIDDEN_KEY, isMark, NUMBERED_DATES, type Json } from './rich-format.js';
import { kindOf, typedArrayOf, type ValueKind } from './value-kind.js';
import { VisitedObjects } from './visited-objects.js';

const TRAVELS =
  'what JSON can hold, and Date, Map, Set, bigint, undefined, RegExp, URL, Error and typed arrays. Pass ids rather than objects that live in this process';

const UNDEFINED: Json = { $undefined: 0 };

/**
 * Writes a value as JSON with marks, in one walk that checks and copies. Instances of classes become plain objects, an
 * object with a `toJSON` becomes its result, a boxed value the value.
 */
export class RichWriter {
  readonly #visited = new VisitedObjects();
  /** Keys on the way to the value at hand, by depth: only an error makes a path of them. */
  readonly #steps: Step[] = [];
  /** Number of Dates that are numbered as objects. */
  #dates = 0;
  /** Bytes of JSON that may still come. */
  #left: number;

  /**
   * @param path of the value itself, such as `args`.
   * @param depth number of levels around the value.
   * @param maxSize in bytes: far larger values are refused before they are written.
   */
  constructor(
    private readonly path: string,
    private readonly depth: number,
    private readonly maxSize: number,
  ) {
    this.#left = maxSize + 1; // after the last value comes no comma
  }

  /**
   * @throws {Obstacle} at the first value that cannot travel.
   */
  write(value: unknown): Json {
    return this.#write(value, this.depth);
  }

  /** `true` when the text has references, so that its reader has to number objects. */
  get hasShared(): boolean {
    return this.#visited.hasShared;
  }

  #write(value: unknown, depth: number): Json {
    switch (typeof value) {
      case 'string':
        this.#spend(value.length + 3, value, depth);
        return value;
      case 'number':
        this.#spend(2, value, depth);
        if (Number.isFinite(value) && !Object.is(value, -0)) return value;
        return { $number: Object.is(value, -0) ? '-0' : String(value) };
      case 'boolean':
        this.#spend(5, value, depth);
        return value;
      case 'undefined':
        this.#spend(5, value, depth);
        return UNDEFINED;
      case 'bigint':
        this.#spend(5, value, depth);
        return { $bigint: String(value) };
      case 'object':
        this.#spend(2, value, depth); // two brackets, and one comma less than values in them
        return value === null ? null : this.#writeObject(value, depth);
      default:
        return this.#refuse(value, depth);
    }
  }

  #writeObject(value: object, depth: number): Json {
    const kind = kindOf(value);
    if (kind === 'none') this.#refuse(value, depth);
    if (kind === 'boxed') return this.#write(value.valueOf(), depth);
    if (kind === 'toJSON') {
      this.#steps[depth] = 'toJSON()';
      return this.#write((value as { toJSON(): unknown }).toJSON(), depth + 1);
    }
    if (kind === 'date' && this.#dates === NUMBERED_DATES && !this.#visited.has(value)) {
      return this.#writeDate(value as Date, depth);
    }
    const number = this.#visited.add(value);
    if (number === -1) return this.#writeAgain(value, depth);
    if (depth > MAX_DEPTH) throw Excess.ofDepth(this.#pathAt(depth), value);
    if (kind === 'date') {
      this.#dates += 1;
      return this.#writeDate(value as Date, depth);
    }
    const before = this.#left;
    const written = this.#writeNew(kind, value, depth);
    this.#visited.setSize(number, before - this.#left);
    return written;
  }

  /** Writes a reference. The size counts each time: a reader may go through the value as if it had copies. */
  #writeAgain(value: object, depth: number): Json {
    const { number, size } = this.#visited.find(value);
    this.#spend(size, value, depth);
    return { $ref: number };
  }

  #writeNew(kind: Exclude<ValueKind, 'none' | 'boxed' | 'toJSON' | 'date'>, value: object, depth: number): Json {
    switch (kind) {
      case 'list':
        return this.#writeAll(value as unknown[], depth);
      case 'entries':
        return this.#writeEntries(value, depth);
      case 'regexp':
        return { $regexp: [(value as RegExp).source, (value as RegExp).flags] };
      case 'url':
        return { $url: (value as URL).href };
      case 'error':
        return this.#writeError(value as Error, depth);
      case 'set':
        return { $set: this.#writeAll([...(value as Set<unknown>)], depth) };
      case 'map':
        return { $map: this.#writePairs(value as Map<unknown, unknown>, depth) };
      case 'bytes':
        return this.#writeBytes(value as ArrayBufferView, depth);
    }
  }

  /** Copies a list only where an item is written in another way: the rest is JSON already. */
  #writeAll(items: readonly unknown[], depth: number): readonly Json[] {
    let copy = 'toJSON' in items ? items.slice() : undefined;
    for (let index = 0; index < items.length; index += 1) {
      const item = items[index];
      this.#steps[depth] = index;
      const written = this.#write(item, depth + 1);
      if (written !== item) (copy ??= items.slice())[index] = written;
    }
    return (copy ?? items) as readonly Json[];
  }

  #writePairs(map: ReadonlyMap<unknown, unknown>, depth: number): Json[] {
    const pairs: Json[] = [];
    for (const [key, item] of map) {
      this.#steps[depth] = 'keys()';
      const written = this.#write(key, depth + 1);
      this.#steps[depth] = 'get(…)';
      pairs.push([written, this.#write(item, depth + 1)]);
    }
    return pairs;
  }

  #writeEntries(value: object, depth: number): Json {
    const entries = value as Readonly<Record<string, unknown>>;
    let copy: Record<string, unknown> | undefined;
    const keys = Object.keys(value);
    for (const key of keys) {
      const item = entries[key];
      this.#steps[depth] = key;
      if (key === FORBIDDEN_KEY) {
        throw new Obstacle(this.#pathAt(depth + 1), item, `keys other than ${FORBIDDEN_KEY}`);
      }
      this.#spend(key.length + 3, value, depth); // with its quotes and its colon
      const written = this.#write(item, depth + 1);
      if (written !== item) (copy ??= copyOf(entries, keys))[key] = written;
    }
    const written = (copy ?? value) as Json;
    return isMark(keys) ? { $object: written } : written;
  }

  #writeDate(date: Date, depth: number): Json {
    const time = date.getTime();
    if (Number.isNaN(time)) throw new Obstacle(this.#pathAt(depth), date, 'a valid Date');
    return { $date: time };
  }

  /** Writes an error; leaves a cause out that does not travel. */
  #writeError(error: Error, depth: number): Json {
    const [name, message] = [String(error.name), String(error.message)];
    this.#spend(name.length + message.length, error, depth);
    const [known, dates] = [this.#visited.count, this.#dates];
    try {
      this.#steps[depth] = 'cause';
      const cause = error.cause === undefined ? {} : { cause: this.#write(error.cause, depth + 1) };
      return { $error: { name, message, ...cause } };
    } catch (obstacle) {
      if (!(obstacle instanceof Obstacle) || obstacle instanceof Excess) throw obstacle;
      this.#visited.keepFirst(known);
      this.#dates = dates;

      return { $error: { name, message } };
    }
  }

  /** Writes bytes; a Buffer arrives as a Uint8Array. */
  #writeBytes(view: ArrayBufferView, depth: number): Json {
    this.#spend(view.byteLength, view, depth); // at least: base64 takes a third more
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    return { $bytes: [typedArrayOf(view) ?? '', bytes.toString('base64')] };
  }

  #refuse(value: unknown, depth: number): never {
    throw new Obstacle(this.#pathAt(depth), value, TRAVELS);
  }

  #spend(bytes: number, value: unknown, depth: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    const [first] = this.#steps.slice(this.depth, depth);
    throw Excess.ofSize(pathOf(this.path, typeof first === 'number' ? [first] : []), value, this.maxSize);
  }

  #pathAt(depth: number): string {
    return pathOf(this.path, this.#steps.slice(this.depth, depth));
  }
}

/** Number of keys from which V8 keeps no shape: there, a spread takes three times as long as assignments. */
const MANY_KEYS = 1_000;

function copyOf(entries: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  if (keys.length < MANY_KEYS) return { ...entries };
  const copy: Record<string, unknown> = {};
  for (const key of keys) if (key !== FORBIDDEN_KEY) copy[key] = entries[key];
  return copy;
}
