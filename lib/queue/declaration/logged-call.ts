import { inspect } from 'node:util';
import type { LoggedOptions } from '../../decorators/behaviour-metadata.js';
import { labelText } from '../../task/log-text.js';
import type { Parameters } from './parameters.js';

const HIDDEN = '…';
/** Longest text of an argument that is shown, so that no line is swamped. */
const LONGEST = 500;

/** Text of a task's call in log lines: `orders.process(customerId='12345', card=…, items=[len 3])`. */
export class LoggedCall {
  constructor(
    private readonly name: string,
    private readonly parameters: Parameters,
    /** Options by position; all other arguments are hidden. */
    private readonly logged: ReadonlyMap<number, LoggedOptions>,
  ) {}

  render(args: readonly unknown[]): string {
    const rest = args.findIndex((_, at) => this.parameters.isRest(at) && this.logged.has(at));
    const shown = (rest === -1 ? args : args.slice(0, rest + 1)).map((_, at) => {
      const label = this.parameters.labelAt(at);
      const text = this.renderArg(rest === at ? args.slice(at) : args[at], this.logged.get(at));
      return label === undefined ? text : `${label}=${text}`;
    });
    return `${labelText(this.name)}(${shown.join(', ')})`;
  }

  /** Tells if the value of a parameter is shown whole. */
  shows(parameter: string): boolean {
    return Array.from(this.logged).some(
      ([at, { lengthOnly }]) => lengthOnly !== true && this.parameters.labelAt(at) === parameter,
    );
  }

  private renderArg(arg: unknown, logged: LoggedOptions | undefined): string {
    if (logged === undefined) return HIDDEN;
    try {
      return this.show(arg, logged);
    } catch {
      return HIDDEN; // its own getters may throw
    }
  }

  private show(arg: unknown, logged: LoggedOptions): string {
    const length = logged.lengthOnly === true ? lengthOf(arg) : undefined;
    if (length !== undefined) return length;
    const text = inspect(arg, { depth: 4, breakLength: Infinity, maxStringLength: LONGEST, maxArrayLength: 50 });
    return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  }
}

/** Length of an argument; nothing where it has none. */
function lengthOf(arg: unknown): string | undefined {
  if (typeof arg === 'string' || Array.isArray(arg)) return `[len ${arg.length}]`;
  if (ArrayBuffer.isView(arg)) return `[len ${(arg as Uint8Array).length}]`;
  if (arg instanceof Map || arg instanceof Set) return `{len ${arg.size}}`;
  if (typeof arg !== 'object' || arg === null || arg instanceof Date) return undefined;
  return `{len ${Object.keys(arg).length}}`;
}
