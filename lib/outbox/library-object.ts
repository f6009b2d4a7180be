/** Object or function: knex is a function with methods. */
export type LibraryObject = Readonly<Record<string, unknown>>;

/** Tells objects and functions from other values. */
export function isObject(value: unknown): value is LibraryObject {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Tells whether an object has all of these methods. */
export function has(value: LibraryObject, ...methods: readonly string[]): boolean {
  return methods.every((method) => typeof value[method] === 'function');
}
