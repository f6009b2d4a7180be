import { inspect } from 'node:util';

/** How many things a message lists. */
const LISTED = 20;

/** A title and a numbered line for each, as far as anybody reads. */
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
