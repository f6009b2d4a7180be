import { types } from 'node:util';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import {
  readDurableMetadata,
  readMethodDurableMetadata,
  type DurableMetadata,
} from '../../decorators/durable.decorator.js';
import { originalOf } from '../../decorators/original-method.js';
import { readMethodTaskMetadata } from '../../decorators/task-metadata.js';
import { ErrorHandlers } from '../../scheduler/error-handlers.js';
import {
  accessorsOf,
  classConfigOf,
  isStatic,
  methodsOf,
  prototypeOf,
  type AnyFunction,
} from '../../scheduler/provider-classes.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../../scheduler/tasks-options.js';
import { ConfigLayer } from '../../task/config-layer.js';

import { RetryPolicy } from '../../task/retry-policy.js';
import { behavioursOf, checkPlain, isPerpetual, type Behaviours, type DeclaredMethod } from './behaviours.js';
import { BUILT_IN_NAMES, BuiltInTasks, isBuiltIn } from './built-in-tasks.js';
import { TaskNotRegisteredError, badRegistration } from '../broker/queue-errors.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import type { ResolvedTaskConfig } from '../../task/task.js';

/** Method that `@Durable()` or `@Perpetual()` was found on. */
export interface DurableTask extends Behaviours {
  readonly name: string;
  readonly config: ResolvedTaskConfig;
  readonly retry: RetryPolicy;
  readonly func: AnyFunction;
  /** `OrderTasks.process in OrdersModule` */
  readonly place: string;
  readonly host: InstanceWrapper;
}

/** Method without decorators that hides a task of a base class. */
interface Override {
  /** Name of the task. */
  readonly name: string;
  readonly func: AnyFunction;
  readonly why: string;
}

/** Metadata of `@Durable()` without options. */
const PLAIN: DurableMetadata = {
  name: undefined,
  retry: RetryPolicy.of(undefined, '@Durable().retry'),
  retention: {},
};

/**
 * Knows the durable tasks of this process, by name and by method. Indexed at first use: other modules may add executions
 * in their init hooks, which run before ours.
 */
@Injectable()
export class DurableRegistry implements OnModuleInit {
  private byName = new Map<string, DurableTask>();
  private byFunc = new Map<AnyFunction, DurableTask[]>();
  private overrides: Override[] = [];
  private indexedModules = 0;
  private isInitialized = false;

  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
    private readonly errorHandlers: ErrorHandlers,
    @Inject(QUEUE_OPTIONS) private readonly queue: ResolvedQueueOptions,
  ) {}

  /**
   * Declares all tasks: all providers exist now, so a wrong declaration stops the boot, rather than the first
   * execution.
   */
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

  /** Names of the application's tasks. */
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
   * @throws {TasksUsageError} `TASK_REGISTRATION` when several tasks share the method.
   */
  require(task: AnyFunction | string): DurableTask {
    const byName = this.index();
    if (typeof task === 'string') {
      const found = byName.get(task);
      if (found === undefined) throw this.notRegistered(task);
      return found;
    }
    const [found, ...others] = this.byFunc.get(task) ?? [];
    if (found === undefined) throw this.notRegistered(task);
    if (others.length > 0) {
      const places = [found, ...others].map(({ name, place }) => `'${name}' (${place})`).join(', ');
      throw badRegistration(`Several durable tasks share this method: ${places}. Pass the name of one.`);
    }
    return found;
  }

  /**
   * Returns the instance that a task runs on: for a request-scoped provider a new one, with `createRequest()` as its
   * REQUEST.
   */
  hostOf({ host }: DurableTask, createRequest: () => object): object | Promise<object> {
    if (isStatic(host)) return host.instance as object;
    const contextId = ContextIdFactory.create();
    this.moduleRef.registerRequestByContextId(createRequest(), contextId);
    return this.moduleRef.resolve<object>(host.token, contextId, { strict: false });
  }

  private notRegistered(task: AnyFunction | string): TaskNotRegisteredError {
    return new TaskNotRegisteredError(task, this.ownNames, this.reasonFor(task));
  }

  /** Returns the remedy for a function or name that is no task, where there is one. */
  private reasonFor(task: AnyFunction | string): string | undefined {
    if (!this.queue.builtInTasks && isBuiltIn(task)) {
      return 'Built-in tasks are off where NODE_ENV is production. Set queue: { builtInTasks: true } in TasksModule.forRoot().';
    }
    const override = this.overrides.find(({ name, func }) => task === name || task === func);
    if (override !== undefined) return override.why;
    if (typeof task === 'string') return undefined;
    if (readDurableMetadata(task) !== undefined) {
      return 'The method has @Durable(), but no module provides its class. Add the class to the providers of a module.';
    }
    if (task.name.startsWith('bound ')) {
      return 'The function is bound. Pass the method itself, as in queue.add(this.orders.process).';
    }
    return undefined;
  }

  private index(): Map<string, DurableTask> {
    // Modules may be loaded lazily, and what a factory makes is known only when it has.
    if (this.isInitialized && this.modules.size === this.indexedModules) return this.byName;
    const tasks = new Map<string, DurableTask>();
    this.overrides = [];
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

  /**
   * Notes a method without `@Durable()` that overrides a task. Its class may well mean that; a caller that adds it is
   * told why.
   */
  private noteOverride({ func, prototype, name: method }: DeclaredMethod, base: DeclaredMethod, name: string): void {
    if (metadataOf({ func, prototype, name: method }) !== undefined) return;
    const own = `${prototype.constructor.name}.${method}`;
    const why = `${own} overrides ${base.prototype.constructor.name}.${method}, which has @Durable(). Put @Durable('${name}') on ${own} too.`;
    this.overrides.push({ name, func, why });
  }

  private declareAll(host: InstanceWrapper, isController: boolean, tasks: Map<string, DurableTask>): void {
    if (host.isAlias || (host.token === BuiltInTasks && !this.queue.builtInTasks)) return;
    refuseAccessors(host);
    const nearest = new Map<string, DeclaredMethod>();
    for (const declared of methodsOf(prototypeOf(host))) {
      const { name: method, func, prototype } = declared;
      const className = classNameOf(host);
      const place = `${className}.${method} in ${host.host?.name}`;
      const metadata = metadataOf(declared);
      const override = nearest.get(method);
      if (override !== undefined) {
        if (metadata !== undefined) this.noteOverride(override, declared, metadata.name ?? `${className}.${method}`);
        continue;
      }
      nearest.set(method, declared);
      if (metadata === undefined) {
        checkPlain(declared, place);
        continue;
      }
      const name = metadata.name ?? `${className}.${method}`;
      if (types.isGeneratorFunction(func)) {
        throw badRegistration(
          `Durable task '${name}' is declared by ${place}, a generator, whose body runs only when iterated. Make it an async method.`,
        );
      }
      const obstacle = isController
        ? 'is a controller'
        : host.isTransient
          ? 'is transient, with no instance to run on'
          : '';
      if (obstacle !== '') {
        throw badRegistration(
          `Durable task '${name}' is declared by ${place}, but ${className} ${obstacle}. Move the method to a provider of default or request scope.`,
        );
      }
      const own = readMethodTaskMetadata(prototype, method, func);
      const layer = new ConfigLayer(this.options.config).with(classConfigOf(host), own, { name });
      // What wraps the method does not have its parameters.
      const behaviours = behavioursOf({ ...declared, func: originalOf(prototype, method) ?? func }, name);
      const task = { ...behaviours, name, config: layer.resolved, retry: metadata.retry, func, place, host };
      const other = tasks.get(name);
      if (other !== undefined) throw badRegistration(describeClash(task, other));
      this.queue.retention.declare(name, metadata.retention);
      tasks.set(name, task);
    }
  }
}

/** Decorators that bind, such as `@autobind`, leave an accessor, which has no method to run without an instance. */
function refuseAccessors(host: InstanceWrapper): void {
  for (const { name, prototype } of accessorsOf(prototypeOf(host))) {
    if (originalOf(prototype, name) === undefined) continue;
    throw badRegistration(
      `${classNameOf(host)}.${name} in ${host.host?.name} has task decorators, but another decorator made it an accessor. Remove that decorator: methods may be passed unbound.`,
    );
  }
}

function metadataOf(declared: DeclaredMethod): DurableMetadata | undefined {
  const { prototype, name, func } = declared;
  return readMethodDurableMetadata(prototype, name, func) ?? (isPerpetual(declared) ? PLAIN : undefined);
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
