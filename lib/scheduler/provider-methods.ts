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

/** Of the functions that are no methods, one in so many is remembered: entries cost more than closures that come once. */
const REMEMBERED = 64;

/** A function that needs no host. */
class FreeFunction {
  constructor(private readonly method: TaskMethod | undefined) {}

  find(): TaskMethod | undefined {
    return this.method;
  }
}

/**
 * Finds the provider of a method that was passed unbound, as in `schedule(this.mail.send, to)`. Indexed at first use,
 * for tasks may be scheduled before our own init hooks have run.
 */
@Injectable()
export class ProviderMethods implements OnModuleInit {
  private known = new WeakMap<AnyFunction, HostedMethod | FreeFunction>();
  private indexedModules = 0;
  private isInitialized = false;
  private forgotten = 0;

  constructor(private readonly modules: ModulesContainer) {}

  /** All providers exist now. */
  onModuleInit(): void {
    this.isInitialized = true;
    this.indexedModules = 0;
  }

  /**
   * @param contextId the request's, to find its own instance of a request-scoped provider.
   * @throws {TypeError} when it is a generator function.
   * @throws {TasksUsageError} `TASK_HOST` when the function would miss its `this`, and which object that is cannot be
   * told.
   */
  find(func: AnyFunction, contextId: ContextId | undefined): TaskMethod | undefined {
    // Modules may be loaded lazily, and what a factory makes is known only when it has.
    if (!this.isInitialized || this.modules.size !== this.indexedModules) this.indexModules();
    return (this.known.get(func) ?? this.learn(func)).find(contextId);
  }

  private learn(func: AnyFunction): HostedMethod | FreeFunction {
    const hasPrototype = Object.hasOwn(func, 'prototype'); // as `function`s, classes and generators, but no methods
    if (hasPrototype) refuseGenerator(func);
    const config = readTaskMetadata(func);
    // Decorators are for methods, whatever wraps them.
    const isMissing = (config !== undefined || (!hasPrototype && isMethod(func))) && usesThis(func);
    if (isMissing) {
      this.indexModules(); // what a factory of a lazy module makes may have come since
      const hosted = this.known.get(func);
      if (hosted !== undefined) return hosted;
      throw hostUnknown(nameOf(func), 'no provider of the application is known to have it', config ?? {});
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
      // A controller's own decorators are the layer of its routes, and not of its methods.
      for (const wrapper of module.controllers.values()) this.indexMethods(wrapper, module, {});
      // Guards, pipes, interceptors and filters of routes, each an instance of its module's own.
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

/** Object that has the methods: a prototype, or a class that is itself the provider, as a model of Mongoose. */
function ownerOfMethods(wrapper: InstanceWrapper): object | undefined {
  const instance: unknown = wrapper.instance;
  return typeof instance === 'function' ? instance : prototypeOf(wrapper);
}
