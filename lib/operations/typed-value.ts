import { InputError } from './input-error.js';

const FORMS = "text, 'int:5', 'number:1.5', 'bool:true', 'date:2026-01-01', 'text:int:5' or 'json:[1,2]'";

/** Readers by the type that a value names before its first colon. Each returns nothing for what it cannot read. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  text: (text) => text,
  int: (text) => {
    if (!/^[+-]?\d+$/.test(text)) return undefined;
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text);
  },
  number: (text) => {
    const number = Number(text);
    return text.trim() !== '' && Number.isFinite(number) ? number : undefined;
  },
  bool: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  date: (text) => {
    const date = new Date(text);
    return Number.isNaN(date.getTime()) ? undefined : date;
  },
  json: (text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return undefined;
    }
  },
};

/**
 * Reads a value that somebody has typed. Text without a type is a string.
 *
 * @throws {InputError} when the rest is no value of the named type.
 */
export function parseTypedValue(text: string): unknown {
  const at = text.indexOf(':');
  const read = at === -1 ? undefined : Object.hasOwn(READERS, text.slice(0, at)) && READERS[text.slice(0, at)];
  if (read === undefined || read === false) return text;
  const value = read(text.slice(at + 1));
  if (value === undefined) throw new InputError('value', text, FORMS);
  return value;
}

/** Writes a value so that {@link parseTypedValue} reads it. Values without a text of their own become JSON. */
export function typedValueText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return parses(value) ? value : `text:${value}`;
    case 'number':
      return Number.isSafeInteger(value) ? `int:${value}` : `number:${value}`;
    case 'bigint':
      return `int:${value}`;
    case 'boolean':
      return `bool:${value}`;
    default:
      return value instanceof Date ? `date:${value.toISOString()}` : `json:${JSON.stringify(value, jsonOf)}`;
  }
}

function parses(text: string): boolean {
  const at = text.indexOf(':');
  return at === -1 || !Object.hasOwn(READERS, text.slice(0, at));
}

function jsonOf(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
