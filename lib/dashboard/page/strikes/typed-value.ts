/** Types of a value, as the form names them. */
export const VALUE_TYPES = ['text', 'whole number', 'number', 'true or false', 'date', 'JSON'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

const PREFIXES: Readonly<Record<Exclude<ValueType, 'text'>, string>> = {
  'whole number': 'int:',
  number: 'number:',
  'true or false': 'bool:',
  date: 'date:',
  JSON: 'json:',
};

/** Returns a value as the actions take it, such as `int:5`. */
export function typedValue(type: ValueType, text: string): string {
  if (type !== 'text') return `${PREFIXES[type]}${text.trim()}`;
  return text.includes(':') ? `text:${text}` : text;
}

/** Returns what is wrong with a value; `undefined` where nothing is. */
export function problemOf(type: ValueType, operator: string, text: string): string | undefined {
  const value = text.trim();
  if (type === 'whole number' && !/^-?\d+$/.test(value)) return 'Give a whole number, such as 5.';
  if (type === 'number' && (value === '' || !Number.isFinite(Number(value)))) return 'Give a number, such as 1.5.';
  if (type === 'true or false' && value !== 'true' && value !== 'false') return 'Give true or false.';
  if (type === 'date' && Number.isNaN(Date.parse(value))) return 'Give a date, such as 2026-01-31.';
  if (type === 'JSON') return problemOfJson(operator, value);
  return value === '' ? 'Give the value.' : undefined;
}

function problemOfJson(operator: string, value: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return 'Give JSON, such as ["a","b"].';
  }
  if (operator === 'between' && !(Array.isArray(parsed) && parsed.length === 2)) return 'Give two values: [1, 10].';
  if (operator === 'in' && !Array.isArray(parsed)) return 'Give a list: ["a","b"].';
  return undefined;
}
