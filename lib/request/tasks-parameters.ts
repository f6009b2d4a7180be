import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { methodsOf, prototypeOf } from '../scheduler/provider-classes.js';
import { TasksConfigError } from '../task/task-errors.js';
import { takeTasks } from './take-tasks.js';

/** Metadata keys of TypeScript and of this library, which do not mark a handler. */
const NO_HANDLER = /^(?:design:|nestjs-tasks:)/;

/**
 * Refuses `@Tasks()` on methods that are not handlers, where the parameter would be `undefined`. A handler has metadata
 * of Nest's, or of another library that calls it.
 */
@Injectable()
export class TasksParameters implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  /** Checks all methods. @throws {TasksConfigError} */
  onModuleInit(): void {
    for (const { name, providers, controllers } of this.modules.values()) {
      for (const wrapper of [...providers.values(), ...controllers.values()]) {
        if (!wrapper.isAlias) this.check(wrapper, name);
      }
    }
  }

  private check(wrapper: InstanceWrapper, module: string): void {
    for (const { name, func, prototype } of methodsOf(prototypeOf(wrapper))) {
      if (!takesTasks(prototype, name) || isHandler(func)) continue;
      throw new TasksConfigError(
        `@Tasks() on ${prototype.constructor.name}.${name} in ${module}`,
        undefined,
        'a handler of a controller, resolver, gateway or microservice (in a provider, inject TaskScheduler, or take the service as an argument)',
        'on a method that Nest does not call for requests',
      );
    }
  }
}

function takesTasks(prototype: object, method: string): boolean {
  const { constructor } = prototype;
  if (typeof constructor !== 'function') return false;
  // Own: an override without decorators is not a handler, and does not inherit the parameters.
  const parameters = (Reflect.getOwnMetadata(ROUTE_ARGS_METADATA, constructor, method) ?? {}) as object;
  return Object.values(parameters).some(({ factory }: { factory?: unknown }) => factory === takeTasks);
}

function isHandler(method: object): boolean {
  return Reflect.getOwnMetadataKeys(method).some((key) => typeof key !== 'string' || !NO_HANDLER.test(key));
}
