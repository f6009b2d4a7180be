import 'reflect-metadata';
import type { Duration } from '../task/duration.js';
import { TasksConfigError } from '../task/task-errors.js';

/**
 * Which executions are counted together.
 *
 * @publicApi
 */
export interface PoolOptions {
  /** Shares the pool with other tasks that name the same scope. Default: the task has pools of its own. */
  scope?: string | undefined;
  /**
   * What is counted by. On a parameter: a property path of its value, such as `'customer.id'`, or a function of all the
   * arguments. On a method: a path that begins with a parameter's name, or such a function. Default: the parameter's
   * value; on a method all executions together.
   */
  by?: string | { pick(...args: never[]): unknown }['pick'] | undefined;
}

/** @publicApi */
export type ConcurrencyLimitOptions = PoolOptions;

/** @publicApi */
export interface RateLimitOptions extends PoolOptions {
  /** The time that slides along. */
  per: Duration;
  /** What is over the limit is dropped, rather than put off until there is room. Default `false`. */
  drop?: boolean | undefined;
}

/** @publicApi */
export interface DebounceOptions extends PoolOptions {
  /** After the first of a row it runs at the latest then, however many still come. Default: no limit. */
  maxWait?: Duration | undefined;
}

/** @publicApi */
export interface LoggedOptions {
  /** Only the length: of strings and lists as `[len 3]`, of maps, sets and objects as `{len 3}`. Default `false`. */
  lengthOnly?: boolean | undefined;
}

/**
 * When a perpetual task runs again.
 *
 * @publicApi
 */
export interface PerpetualOptions {
  /** From start to start. Default 0: at once, when neither this nor `cron` is given. */
  every?: Duration | undefined;
  /** Instead of `every`: a cron expression of five fields, or of six with seconds first. */
  cron?: string | undefined;
  /** The time zone of `cron`, such as `'Europe/Berlin'`. Default: that of the process. */
  tz?: string | undefined;
  /** The queue adds it by itself, once for the fleet, under the task's name as its key. Default `false`. */
  automatic?: boolean | undefined;
}

/** The options of every behaviour, as the decorators take them. They are checked when the application starts. */
export interface BehaviourOptions {
  perpetual: PerpetualOptions;
  concurrencyLimit: ConcurrencyLimitOptions & { readonly max: number };
  rateLimit: RateLimitOptions & { readonly limit: number };
  cooldown: PoolOptions & { readonly window: Duration };
  debounce: DebounceOptions & { readonly window: Duration };
  logged: LoggedOptions;
  arg: { readonly name: string };
}

/** What a decorator has left on a method of a provider, or on one of its parameters. */
export type Behaviour = {
  [K in keyof BehaviourOptions]: {
    readonly type: K;
    /** From 0; `undefined` for the method. */
    readonly parameter: number | undefined;
    readonly options: BehaviourOptions[K];
  };
}[keyof BehaviourOptions];

/** A fixed key, so that two copies of this library in one process see each other's decorators. */
const BEHAVIOURS = 'nestjs-tasks:behaviours';

/** Those of a method as its own class declares them, in the order in which they are written. */
export function readBehaviours(prototype: object, method: string): readonly Behaviour[] {
  return (Reflect.getOwnMetadata(BEHAVIOURS, prototype, method) as Behaviour[] | undefined) ?? [];
}

/** A decorator for methods and parameters. On the method's name, since other decorators may wrap the function. */
export function BehaviourMetadata<K extends keyof BehaviourOptions>(
  type: K,
  options: BehaviourOptions[K],
): MethodDecorator & ParameterDecorator {
  return (target: object, method: string | symbol | undefined, place?: PropertyDescriptor | number) => {
    if (typeof method !== 'string' || typeof target === 'function') {
      throw new TasksConfigError(
        `@${decoratorName({ type })}()`,
        method ?? 'on a constructor',
        "a provider's method, or a parameter of one",
      );
    }
    const parameter = typeof place === 'number' ? place : undefined;
    const behaviour = { type, parameter, options } as Behaviour;
    // Decorators are applied from the last to the first.
    Reflect.defineMetadata(BEHAVIOURS, [behaviour, ...readBehaviours(target, method)], target, method);
  };
}

/** How it is written in the source. */
export function decoratorName({ type }: Pick<Behaviour, 'type'>): string {
  return type.charAt(0).toUpperCase() + type.slice(1);
}
