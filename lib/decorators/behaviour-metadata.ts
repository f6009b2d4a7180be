import 'reflect-metadata';
import type { Duration } from '../task/duration.js';
import { KnownOptions } from '../task/known-options.js';
import { TasksConfigError } from '../task/task-errors.js';
import { keepOriginal } from './original-method.js';

/**
 * Computes the key by which executions are counted, from all of their arguments.
 *
 * @publicApi
 */
export type PoolKeyFunction = (...args: never[]) => unknown;

/**
 * Grouping of the executions that are counted together.
 *
 * @publicApi
 */
export interface PoolOptions {
  /** Shares the pool with other tasks that name the same scope. Default: the task has pools of its own. */
  scope?: string | undefined;
  /**
   * Key of the pool. On a parameter: a property path of its value, such as `'customer.id'`, or a function of all
   * arguments. On a method: a path that begins with a parameter's name, or such a function. Default: the parameter's
   * value; on a method all executions together.
   */
  by?: string | PoolKeyFunction | undefined;
}

/** @publicApi */
export type ConcurrencyLimitOptions = PoolOptions;

/** @publicApi */
export interface RateLimitOptions extends PoolOptions {
  /** Length of the sliding window. */
  per: Duration;
  /** Drops executions over the limit, instead of delaying them. Default `false`. */
  drop?: boolean | undefined;
}

/** @publicApi */
export interface DebounceOptions extends PoolOptions {
  /** Longest total delay, from the first call of a burst. Default: no limit. */
  maxWait?: Duration | undefined;
}

/** @publicApi */
export interface LoggedOptions {
  /**
   * Logs only the length: of strings and lists as `[len 3]`, of maps, sets and objects as `{len 3}`. Default `false`.
   */
  lengthOnly?: boolean | undefined;
}

/**
 * Schedule of a perpetual task.
 *
 * @publicApi
 */
export interface PerpetualOptions {
  /** Interval from start to start. Default 0, at once, without `every` and `cron`. */
  every?: Duration | undefined;
  /** Cron expression instead of `every`, of five fields, or of six with seconds first. */
  cron?: string | undefined;
  /** Time zone of `cron`, such as `'Europe/Berlin'`. Default: that of the process. */
  tz?: string | undefined;
  /** Adds the task automatically, once for the fleet, under the task's name as its key. Default `false`. */
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

/** Arguments before the options. */
interface DecoratorArguments {
  perpetual: object;
  concurrencyLimit: { readonly max: number };
  rateLimit: { readonly limit: number };
  cooldown: { readonly window: Duration };
  debounce: { readonly window: Duration };
  logged: object;
  arg: { readonly name: string };
}

/** Options and arguments of each behaviour. */
export type BehaviourOptions = { [K in keyof DecoratorOptions]: DecoratorOptions[K] & DecoratorArguments[K] };

/** Metadata of a decorator on a method of a provider, or on one of its parameters. */
export type Behaviour = {
  [K in keyof BehaviourOptions]: {
    readonly type: K;
    /** Index from 0; `undefined` for the method. */
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

/** Fixed key, so that two copies of this library in one process see each other's decorators. */
const BEHAVIOURS = 'nestjs-tasks:behaviours';

/** Returns the behaviours of a method as its own class declares them, in source order. */
export function readBehaviours(prototype: object, method: string): readonly Behaviour[] {
  return (Reflect.getOwnMetadata(BEHAVIOURS, prototype, method) as Behaviour[] | undefined) ?? [];
}

/**
 * Decorates methods and parameters. Stores metadata by the method's name: other decorators may wrap the function.
 *
 * @throws {TasksConfigError} when an option does not exist. Values are checked when the application starts.
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

/** Returns the name in the source. */
export function decoratorName({ type }: Pick<Behaviour, 'type'>): string {
  return type.charAt(0).toUpperCase() + type.slice(1);
}
