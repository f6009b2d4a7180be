import type { QueueLog } from '../log/queue-log.js';

/** Number of methods that a line names. */
const LISTED = 3;

/**
 * Warns of arguments that are instances of the application's own classes and would arrive without their methods: each
 * class once. Instances without methods arrive as their data, and what has a `toJSON()` says itself what it becomes.
 */
export class InstanceArguments {
  /** Prototypes that nothing is to be said of any more. */
  readonly #settled = new WeakSet<object>();

  constructor(private readonly log: QueueLog) {}

  check(task: string, args: readonly unknown[]): void {
    args.forEach((arg, at) => {
      if (typeof arg === 'object' && arg !== null) this.#checkOne(task, at, arg);
    });
  }

  #checkOne(task: string, at: number, arg: object): void {
    try {
      const prototype = Object.getPrototypeOf(arg) as object | null;
      if (prototype === null || prototype === Object.prototype || this.#settled.has(prototype)) return;
      this.#settled.add(prototype);
      const methods = 'toJSON' in arg ? [] : methodsOf(prototype);
      if (methods.length > 0) this.log.methodsLost(task, at, prototype.constructor.name, methods.slice(0, LISTED));
    } catch {
      // A Proxy may refuse to be asked.
    }
  }
}

/**
 * Methods of the application's own classes; none of what extends a class of the language or of Node, which travels as that
 * or is refused.
 */
function methodsOf(prototype: object): string[] {
  const methods: string[] = [];
  for (let at = prototype; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    if (!isOwnClass(at)) return [];
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function' && name !== 'constructor') methods.push(name);
    }
  }
  return methods;
}

function isOwnClass({ constructor }: object): boolean {
  return typeof constructor === 'function' && !Function.prototype.toString.call(constructor).includes('[native code]');
}
