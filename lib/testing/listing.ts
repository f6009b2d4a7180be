import { inspect } from 'node:util';

/** Maximum number of items in a message. */
const LISTED = 20;

/** Returns a title and numbered lines, up to the maximum. */
export function listing(title: string, lines: readonly string[]): string {
  const shown = lines.slice(0, LISTED).map((line, index) => `  ${index + 1}. ${line}`);
  if (lines.length > LISTED) shown.push(`  … and ${lines.length - LISTED} more`);
  return [title, ...shown].join('\n');
}

export function listArgs(args: readonly unknown[]): string {
  const options = { depth: 4, breakLength: Infinity, maxArrayLength: 20, maxStringLength: 200 };
  return args.map((arg) => inspect(arg, options)).join(', ');
}

export function count(times: number): string {
  return times === 1 ? 'once' : `${times} times`;
}
