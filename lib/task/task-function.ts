/** Name of a function, which may be a getter that throws. */
export function nameOf(func: (...args: never[]) => unknown): string {
  try {
    return String(func.name) || 'anonymous';
  } catch {
    return 'anonymous';
  }
}

/** Whether a value is an object of no class, of whichever realm. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    // That of another realm's Object is not ours, but has no prototype either.
    return prototype === null || Object.getPrototypeOf(prototype) === null;
  } catch {
    return false; // a Proxy may refuse to be asked
  }
}
