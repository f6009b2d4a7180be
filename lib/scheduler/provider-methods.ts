import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer, type ContextId } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { Module } from '@nestjs/core/injector/module.js';
import { readMethodTaskMetadata, readTaskMetadata } from '../decorators/task-metadata.js';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';
import { hostUnknown } from '../task/usage-errors.js';
import { refuseGenerator } from '../task/task-result.js';
import { isMethod, nameOf, usesThis } from './function-source.js';
import { HostedMethod, type TaskMethod } from './hosted-method.js';
import { classConfigOf, methodsOf, prototypeOf, type AnyFunction } from './provider-classes.js';

/** Number of plain functions for each one that is remembered: entries cost more than closures that come once. */
const REMEMBERED = 64;

/** Function without a host. */
class FreeFunction {
  constructor(private readonly method: TaskMethod | undefined) {}

  find(): TaskMethod | undefined {
    return this.method;
  }
}

/**
 * Finds the provider of a method that was passed unbound, as in `schedule(this.mail.send, to)`. Indexes at first use:
 * tasks may be scheduled before this provider's init hook.
 */
@Injectable()
export class ProviderMethods implements OnModuleInit {
  private known = new WeakMap<AnyFunction, HostedMethod | FreeFunction>();
  private indexedModules = 0;
  private isInitialized = false;
  private forgotten = 0;

  constructor(private readonly modules: ModulesContainer) {}

  /** Indexes the modules for good: all providers exist now. */
  onModuleInit(): void {
    this.isInitialized = true;
    this.indexedModules = 0;
  }

  /**
   * Finds the method of a function.
   *
   * @param contextId the request's, to find its own instance of a request-scoped provider.
   * @throws {TypeError} when `func` is a generator function.
   * @throws {TasksUsageError} `TASK_HOST` when the function needs its `this`, and the provider cannot be
   * determined.
   */
  find(func: AnyFunction, contextId: ContextId | undefined): TaskMethod | undefined {
    // Modules may load lazily, and the product of a factory is known only after its call.
    if (!this.isInitialized || this.modules.size !== this.indexedModules) this.indexModules();
    return (this.known.get(func) ?? this.learn(func)).find(contextId);
  }

  private learn(func: AnyFunction): HostedMethod | FreeFunction {
    const hasPrototype = Object.hasOwn(func, 'prototype'); // true of `function`s, classes and generators, false of methods
    if (hasPrototype) refuseGenerator(func);
    const config = readTaskMetadata(func);
    // Decorators are for methods, also for wrapped ones.
    const isMissing = (config !== undefined || (!hasPrototype && isMethod(func))) && usesThis(func);
    if (isMissing) {
      this.indexModules(); // a factory of a lazy module may have run since
      const hosted = this.known.get(func);
      if (hosted !== undefined) return hosted;
      throw hostUnknown(nameOf(func), 'no provider of the application has it', config ?? {});
    }
    const free = config === undefined ? PLAIN : new FreeFunction({ config });
    this.forgotten += 1;
    if (this.forgotten % REMEMBERED === 0) this.known.set(func, free);
    return free;
  }

  private indexModules(): void {
    this.known = new WeakMap();
    this.indexedModules = this.modules.size;
    for (const module of this.modules.values()) {
      for (const wrapper of module.providers.values()) this.indexMethods(wrapper, module, classConfigOf(wrapper));
      // A controller's own decorators are the layer of its routes, not of its methods.
      for (const wrapper of module.controllers.values()) this.indexMethods(wrapper, module, {});
      // Guards, pipes, interceptors and filters of routes, with an instance for each module.
      for (const wrapper of module.injectables.values()) this.indexMethods(wrapper, module, classConfigOf(wrapper));
      for (const wrapper of module.middlewares.values()) this.indexMethods(wrapper, module, classConfigOf(wrapper));
    }
  }

  private indexMethods(wrapper: InstanceWrapper, module: Module, classConfig: TaskConfig): void {
    if (wrapper.isAlias) return;
    for (const { name, func, prototype } of methodsOf(ownerOfMethods(wrapper))) {
      let known = this.known.get(func);
      if (!(known instanceof HostedMethod)) {
        known = new HostedMethod(
          func,
          name,
          mergeTaskConfig(classConfig, readMethodTaskMetadata(prototype, name, func)),
        );
        this.known.set(func, known);
      }
      known.add({ wrapper, module: module.name });
    }
  }
}

const PLAIN = new FreeFunction(undefined);

/**
 * Returns the object with the methods: a prototype, or a class that is itself the provider, such as a Mongoose model.
 */
function ownerOfMethods(wrapper: InstanceWrapper): object | undefined {
  const instance: unknown = wrapper.instance;
  return typeof instance === 'function' ? instance : prototypeOf(wrapper);
}
