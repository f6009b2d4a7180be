import { FORBIDDEN_KEY, isMark, NUMBERED_DATES, type Json } from './rich-format.js';
import { typedArrayOfBytes } from './value-kind.js';

/** Reads JSON with marks. The JSON is changed, and becomes a part of the value. */
export class RichReader {
  /** Objects by their number. */
  readonly #objects: object[] = [];
  #dates = 0;

  /** @param hasShared `false` where the text has no references: then no object is numbered. */
  constructor(private readonly hasShared: boolean) {}

  /**
   * @throws {TypeError} {@link SyntaxError} {@link RangeError} where it is damaged.
   */
  read(json: Json): unknown {
    if (typeof json !== 'object' || json === null) return json;
    if (Array.isArray(json)) return this.#readAll(this.#add(json as unknown[]));
    const keys = Object.keys(json);
    return isMark(keys)
      ? this.#readMark(keys[0] ?? '', (json as Record<string, Json>)[keys[0] ?? ''] ?? null)
      : this.#readEntries(json as Record<string, unknown>, keys);
  }

  #add<T extends object>(object: T): T {
    if (this.hasShared) this.#objects.push(object);
    return object;
  }

  #readAll(items: unknown[]): unknown[] {
    for (let index = 0; index < items.length; index += 1) items[index] = this.read(items[index] as Json);
    return items;
  }

  #readEntries(object: Record<string, unknown>, keys: readonly string[]): unknown {
    this.#add(object);
    for (const key of keys) {
      if (key === FORBIDDEN_KEY) throw new TypeError(`The key ${FORBIDDEN_KEY} does not travel`);
      object[key] = this.read(object[key] as Json);
    }
    return object;
  }

  #readMark(mark: string, json: Json): unknown {
    switch (mark) {
      case '$undefined':
        return undefined;
      case '$number':
        return Number(json);
      case '$bigint':
        return BigInt(json as string);
      case '$date':
        return ++this.#dates > NUMBERED_DATES ? new Date(json as number) : this.#add(new Date(json as number));
      case '$regexp':
        return this.#add(new RegExp(...(json as [string, string])));
      case '$url':
        return this.#add(new URL(json as string));
      case '$bytes': {
        const [type, text] = json as [string, string];
        return this.#add(typedArrayOfBytes(type, Buffer.from(text, 'base64')));
      }
      case '$set': {
        const set = this.#add(new Set());
        for (const item of json as Json[]) set.add(this.read(item));
        return set;
      }
      case '$map': {
        const map = this.#add(new Map());
        for (const [name, item] of json as [Json, Json][]) map.set(this.read(name), this.read(item));
        return map;
      }
      case '$error':
        return this.#readError(json as { name: string; message: string; cause?: Json });
      case '$object':
        return this.#readEntries(json as Record<string, unknown>, Object.keys(json as object));
      case '$ref': {
        const object = this.#objects[json as number];
        if (object === undefined) throw new TypeError('A reference leads nowhere');
        return object;
      }
      default:
        throw new TypeError('A mark that is not known');
    }
  }

  #readError({ name, message, cause }: { name: string; message: string; cause?: Json }): Error {
    const error = this.#add(new Error(message));
    const properties: Record<string, unknown> = {
      name,
      stack: `${name}: ${message}`, // frames of this reader would mislead
      ...(cause !== undefined && { cause: this.read(cause) }),
    };
    for (const [key, value] of Object.entries(properties)) {
      Object.defineProperty(error, key, { value, configurable: true, writable: true });
    }
    return error;
  }
}
