import 'reflect-metadata';
import type { Duration } from '../task/duration.js';
import { KnownOptions } from '../task/known-options.js';
import { TasksConfigError } from '../task/task-errors.js';
import { keepOriginal } from './original-method.js';

/**
 * Computes what an execution is counted by, from all of its arguments.
 *
 * @publicApi
 */
export type PoolKeyFunction = (...args: never[]) => unknown;

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
  by?: string | PoolKeyFunction | undefined;
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

/** Options of each decorator. Their values are checked when the application starts. */
interface DecoratorOptions {
  perpetual: PerpetualOptions;
  concurrencyLimit: ConcurrencyLimitOptions;
  rateLimit: RateLimitOptions;
  cooldown: PoolOptions;
  debounce: DebounceOptions;
  logged: LoggedOptions;
  arg: object;
}

/** What stands before the options. */
interface DecoratorArguments {
  perpetual: object;
  concurrencyLimit: { readonly max: number };
  rateLimit: { readonly limit: number };
  cooldown: { readonly window: Duration };
  debounce: { readonly window: Duration };
  logged: object;
  arg: { readonly name: string };
}

/** Both, for each behaviour. */
export type BehaviourOptions = { [K in keyof DecoratorOptions]: DecoratorOptions[K] & DecoratorArguments[K] };

/** What a decorator has left on a method of a provider, or on one of its parameters. */
export type Behaviour = {
  [K in keyof BehaviourOptions]: {
    readonly type: K;
    /** From 0; `undefined` for the method. */
    readonly parameter: number | undefined;
    readonly options: BehaviourOptions[K];
  };
}[keyof BehaviourOptions];

const POOL_NAMES = { scope: true, by: true } as const satisfies Record<keyof PoolOptions, true>;

const KNOWN: { readonly [K in keyof DecoratorOptions]: KnownOptions<DecoratorOptions[K]> } = {
  perpetual: new KnownOptions<PerpetualOptions>(
    { every: true, cron: true, tz: true, automatic: true },
    {
      pattern: 'cron',
      timezone: 'tz',
      timeZone: 'tz',
      interval: 'every',
      name: '@Durable(name) beside it',
      retry: '@Durable(name, { retry }) beside it',
      timeout: '@Durable(name, { timeout }) beside it',
      shield: '@Durable(name, { shield }) beside it',
      onError: '@Durable(name, { onError }) beside it',
    },
  ),
  concurrencyLimit: new KnownOptions<ConcurrencyLimitOptions>(POOL_NAMES),
  rateLimit: new KnownOptions<RateLimitOptions>(
    { ...POOL_NAMES, per: true, drop: true },
    { duration: 'per', window: 'per', ttl: 'per' },
  ),
  cooldown: new KnownOptions<PoolOptions>(POOL_NAMES),
  debounce: new KnownOptions<DebounceOptions>({ ...POOL_NAMES, maxWait: true }),
  logged: new KnownOptions<LoggedOptions>({ lengthOnly: true }),
  arg: new KnownOptions<object>({}),
};

/** A fixed key, so that two copies of this library in one process see each other's decorators. */
const BEHAVIOURS = 'nestjs-tasks:behaviours';

/** Those of a method as its own class declares them, in the order in which they are written. */
export function readBehaviours(prototype: object, method: string): readonly Behaviour[] {
  return (Reflect.getOwnMetadata(BEHAVIOURS, prototype, method) as Behaviour[] | undefined) ?? [];
}

/**
 * A decorator for methods and parameters. On the method's name, since other decorators may wrap the function.
 *
 * @throws {TasksConfigError} when an option does not exist. What the others hold is checked when the application starts.
 */
export function BehaviourMetadata<K extends keyof BehaviourOptions>(
  type: K,
  options: DecoratorOptions[K],
  args: DecoratorArguments[K],
): MethodDecorator & ParameterDecorator {
  const decorator = `@${decoratorName({ type })}()`;
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new TasksConfigError(`${decorator} options`, options, 'an object of options');
  }
  KNOWN[type].check(options ?? {}, decorator);
  return (target: object, method: string | symbol | undefined, place?: PropertyDescriptor | number) => {
    if (typeof method !== 'string' || typeof target === 'function') {
      throw new TasksConfigError(decorator, method ?? 'on a constructor', "a provider's method, or a parameter of one");
    }
    keepOriginal(target, method);
    const parameter = typeof place === 'number' ? place : undefined;
    const behaviour = { type, parameter, options: { ...options, ...args } } as Behaviour;
    // Decorators are applied from the last to the first.
    Reflect.defineMetadata(BEHAVIOURS, [behaviour, ...readBehaviours(target, method)], target, method);
  };
}

/** How it is written in the source. */
export function decoratorName({ type }: Pick<Behaviour, 'type'>): string {
  return type.charAt(0).toUpperCase() + type.slice(1);
}
