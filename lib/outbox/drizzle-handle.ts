import { isObject, type LibraryObject } from './library-object.js';

/** Members of Drizzle's databases and transactions, which its types leave out or have for some drivers only. */
export interface DrizzleHandle {
  readonly dialect: object;
  readonly session: { readonly client: LibraryObject; readonly tx?: unknown };
  execute(statement: object): PromiseLike<unknown>;
  all(statement: object): unknown;
  run(statement: object): unknown;
}

/** Key under which each class of Drizzle has its name, also in minified bundles and in a second copy of Drizzle. */
const KIND = Symbol.for('drizzle:entityKind');

/** Returns the names of an object's class and its ancestors. */
export function kindsOf(value: object): string[] {
  const kinds: string[] = [];
  for (let type = value.constructor as unknown; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    const kind: unknown = Object.hasOwn(type, KIND) ? Reflect.get(type, KIND) : undefined;
    if (typeof kind === 'string') kinds.push(kind);
  }
  return kinds;
}

/** Tells transactions from databases, of which their classes are descendants. */
export function isTransaction(value: unknown): value is DrizzleHandle {
  return isObject(value) && kindsOf(value).some((kind) => /^(Pg|MySql|SQLite)(Async)?Transaction$/.test(kind));
}
