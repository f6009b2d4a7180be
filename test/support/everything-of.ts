import { inspect } from 'node:util';

/** Everything that a log, an error tracker or a debugger can show of a value. */
export function everythingOf(value: unknown): string {
  return [
    inspect(value, { depth: 8, showHidden: true, maxStringLength: null }),
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)),
    ...messagesOf(value),
  ].join('\n');
}

function messagesOf(value: unknown): string[] {
  if (!(value instanceof Error)) return [String(value)];
  return [value.name, value.message, String(value.stack), ...messagesOf(value.cause)];
}
