/**
 * Value that JSON keeps as it is. Members that are `undefined` are left out.
 *
 * @publicApi
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/**
 * Provider that carries a part of the async context, such as a tenant or a request id, from the addition of an execution
 * to its runs, in whichever process they are. Listed in `queue: { carriers: [...] }`.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class TenantCarrier implements TaskContextCarrier<string> {
 *   readonly name = 'tenant';
 *   constructor(private readonly cls: ClsService) {}
 *
 *   capture(): string | undefined {
 *     return this.cls.isActive() ? this.cls.get('tenant') : undefined;
 *   }
 *
 *   restore<R>(tenant: string, run: () => R): R {
 *     return this.cls.run(() => {
 *       this.cls.set('tenant', tenant);
 *       return run();
 *     });
 *   }
 * }
 * ```
 * @publicApi
 */
export interface TaskContextCarrier<T extends Json = Json> {
  /**
   * Name of its values in stored executions: up to 64 letters, digits, `.`, `_` and `-`, and no other carrier's. Keep it
   * in later versions, which run what this one has added.
   */
  readonly name: string;

  /**
   * Returns the value to carry; `undefined` where there is none. Called at each addition, in its async context. All
   * carriers together may return 8 kB of JSON. An error fails the addition with {@link CarrierError}.
   */
  capture(): T | undefined;

  /**
   * Calls `run` in a context that holds the value, and returns its result. Called before each attempt of an execution for
   * which something was captured, and not otherwise. `run` is to be called once, before `restore()` returns: the context
   * of that call is the one of the task, its `onError` and its signal's listeners. An error fails the attempt with
   * {@link CarrierError}.
   *
   * @param value a copy of the captured one, of each attempt its own. A value of an earlier version, perhaps.
   */
  restore<R>(value: T, run: () => R): R;
}
