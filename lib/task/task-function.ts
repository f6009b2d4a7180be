/** Returns the name of a function, whose `name` may be a getter that throws. */
export function nameOf(func: (...args: never[]) => unknown): string {
  try {
    return String(func.name) || 'anonymous';
  } catch {
    return 'anonymous';
  }
}

/** Tells objects of no class, of any realm. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    // Another realm's Object.prototype is not ours, but has no prototype either.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  } catch {
    return false; // a Proxy may refuse the access
  }
}
