import { types } from 'node:util';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { readDurableMetadata, type DurableMetadata } from '../decorators/durable.decorator.js';
import { readTaskMetadata } from '../decorators/task-metadata.js';
import { ErrorHandlers } from '../scheduler/error-handlers.js';
import { classConfigOf, isStatic, methodsOf, prototypeOf, type AnyFunction } from '../scheduler/provider-classes.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { ConfigLayer } from '../task/config-layer.js';
import type { ResolvedTaskConfig } from '../task/task-config.js';
import { RetryPolicy } from '../task/retry-policy.js';
import { behavioursOf, checkPlain, isPerpetual, type Behaviours } from './behaviours/behaviours.js';
import { BUILT_IN_NAMES } from './behaviours/built-in-tasks.js';
import { TaskNotRegisteredError, TaskRegistrationError } from './queue-errors.js';

/** A method that `@Durable()` or `@Perpetual()` was found on. */
export interface DurableTask extends Behaviours {
  readonly name: string;
  readonly config: ResolvedTaskConfig;
  readonly retry: RetryPolicy;
  readonly func: AnyFunction;
  /** `OrderTasks.process in OrdersModule` */
  readonly place: string;
  readonly host: InstanceWrapper;
}

/** What `@Durable()` without options leaves. */
const PLAIN: DurableMetadata = { name: undefined, retry: RetryPolicy.of(undefined, '@Durable().retry') };

/**
 * Knows the durable tasks of this process, by name and by method. Indexed at first use: other modules may add executions
 * in their init hooks, which run before ours.
 */
@Injectable()
export class DurableRegistry implements OnModuleInit {
  private byName = new Map<string, DurableTask>();
  private byFunc = new Map<AnyFunction, DurableTask[]>();
  private indexedModules = 0;
  private isInitialized = false;

  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
    private readonly errorHandlers: ErrorHandlers,
  ) {}

  /** All providers exist now, so what is declared wrongly stops the boot, rather than the first execution. */
  onModuleInit(): void {
    this.isInitialized = true;
    this.index();
    for (const { config } of this.byName.values()) {
      if (config.onError !== undefined) this.errorHandlers.check(config.onError);
    }
  }

  get names(): string[] {
    return [...this.index().keys()];
  }

  /** Those of the application. */
  get ownNames(): string[] {
    return this.names.filter((name) => !BUILT_IN_NAMES.has(name));
  }

  get tasks(): DurableTask[] {
    return [...this.index().values()];
  }

  find(name: string): DurableTask | undefined {
    return this.index().get(name);
  }

  /**
   * @param task a decorated method, or a name.
   * @throws {TaskNotRegisteredError} when this process does not declare it.
   * @throws {TaskRegistrationError} when several tasks share the method.
   */
  require(task: AnyFunction | string): DurableTask {
    const byName = this.index();
    if (typeof task === 'string') {
      const found = byName.get(task);
      if (found === undefined) throw new TaskNotRegisteredError(task, this.ownNames);
      return found;
    }
    const [found, ...others] = this.byFunc.get(task) ?? [];
    if (found === undefined) throw new TaskNotRegisteredError(task, this.ownNames);
    if (others.length > 0) {
      const places = [found, ...others].map(({ name, place }) => `'${name}' (${place})`).join(', ');
      throw new TaskRegistrationError(`Several durable tasks share this method: ${places}. Pass the name of one.`);
    }
    return found;
  }

  /** The instance that a task runs on: for a request-scoped provider a new one, with `createRequest()` as its REQUEST. */
  hostOf({ host }: DurableTask, createRequest: () => object): object | Promise<object> {
    if (isStatic(host)) return host.instance as object;
    const contextId = ContextIdFactory.create();
    this.moduleRef.registerRequestByContextId(createRequest(), contextId);
    return this.moduleRef.resolve<object>(host.token, contextId, { strict: false });
  }

  private index(): Map<string, DurableTask> {
    // Modules may be loaded lazily, and what a factory makes is known only when it has.
    if (this.isInitialized && this.modules.size === this.indexedModules) return this.byName;
    const tasks = new Map<string, DurableTask>();
    for (const { providers, controllers } of this.modules.values()) {
      for (const wrapper of providers.values()) this.declareAll(wrapper, false, tasks);
      for (const wrapper of controllers.values()) this.declareAll(wrapper, true, tasks);
    }
    this.byName = tasks;
    this.byFunc = new Map();
    for (const task of tasks.values()) this.byFunc.set(task.func, [...(this.byFunc.get(task.func) ?? []), task]);
    if (this.isInitialized) this.indexedModules = this.modules.size;
    return tasks;
  }

  private declareAll(host: InstanceWrapper, isController: boolean, tasks: Map<string, DurableTask>): void {
    if (host.isAlias) return;
    const overridden = new Set<string>();
    for (const declared of methodsOf(prototypeOf(host))) {
      const { name: method, func } = declared;
      if (overridden.has(method)) continue;
      overridden.add(method);
      const className = classNameOf(host);
      const place = `${className}.${method} in ${host.host?.name}`;
      const metadata = readDurableMetadata(func) ?? (isPerpetual(declared) ? PLAIN : undefined);
      if (metadata === undefined) {
        checkPlain(declared, place);
        continue;
      }
      const name = metadata.name ?? `${className}.${method}`;
      if (types.isGeneratorFunction(func)) {
        throw new TaskRegistrationError(
          `Durable task '${name}' is declared by ${place}, a generator, whose body runs only when it is iterated. Make it an async method that does the work itself.`,
        );
      }
      const obstacle = isController
        ? 'is a controller'
        : host.isTransient
          ? 'is transient, with no instance to run on'
          : '';
      if (obstacle !== '') {
        throw new TaskRegistrationError(
          `Durable task '${name}' is declared by ${place}, but ${className} ${obstacle}. Move the method to a provider of default or request scope.`,
        );
      }
      const layer = new ConfigLayer(this.options.config).with(classConfigOf(host), readTaskMetadata(func) ?? {}, {
        name,
      });
      const behaviours = behavioursOf(declared, name);
      const task = { ...behaviours, name, config: layer.resolved, retry: metadata.retry, func, place, host };
      const other = tasks.get(name);
      if (other !== undefined) throw new TaskRegistrationError(describeClash(task, other));
      tasks.set(name, task);
    }
  }
}

function describeClash(task: DurableTask, other: DurableTask): string {
  return (
    `Two durable tasks are named '${task.name}': ${other.place} and ${task.place}. ` +
    (other.func === task.func
      ? 'Provide the class in one module, and export it from there.'
      : 'Give one of them another name: @Durable(name).')
  );
}

function classNameOf(host: InstanceWrapper): string {
  const { constructor } = prototypeOf(host) ?? {};
  return constructor?.name ?? String(host.name);
}
