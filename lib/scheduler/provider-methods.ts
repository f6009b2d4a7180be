import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer, type ContextId } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { readTaskMetadata } from '../decorators/task-metadata.js';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';
import { TaskHostError } from '../task/task-errors.js';
import { classConfigOf, isStatic, methodsOf, prototypeOf, type AnyFunction } from './provider-classes.js';

/** What is known of a function before it is scheduled. */
export interface TaskMethod {
  /** What its decorators say. */
  readonly config: TaskConfig;
  /** The provider that it runs on, when it is one's method. */
  readonly host?: () => object;
}

interface HostedMethod {
  readonly config: TaskConfig;
  readonly isDecorated: boolean;
  readonly wrappers: InstanceWrapper[];
}

/**
 * Finds the provider of a method that was passed unbound, as in `schedule(this.mail.send, to)`. Indexed at first use,
 * for tasks may be scheduled before our own init hooks have run.
 */
@Injectable()
export class ProviderMethods implements OnModuleInit {
  private readonly index = new Map<AnyFunction, HostedMethod>();
  private indexedModules = 0;
  private isInitialized = false;

  constructor(private readonly modules: ModulesContainer) {}

  /** All providers exist now. */
  onModuleInit(): void {
    this.isInitialized = true;
    this.indexedModules = 0;
  }

  /**
   * @param contextId the request's, to find its own instance of a request-scoped provider.
   * @throws {TaskHostError} when the method is decorated and its provider cannot be told. One without decorators is
   * then called without a `this`, as JavaScript would.
   */
  find(func: AnyFunction, contextId: ContextId | undefined): TaskMethod | undefined {
    const method = this.lookUp(func);
    if (method === undefined) {
      const config = readTaskMetadata(func);
      return config && { config };
    }
    const { config, wrappers, isDecorated } = method;
    const hosts = new Map(wrappers.map((wrapper) => [instanceOf(wrapper, contextId), wrapper]));
    const [[instance, wrapper] = []] = hosts;
    if (hosts.size === 1 && instance !== undefined && wrapper !== undefined) {
      // Read when the task starts: in a constructor, Nest may not have made the other provider yet.
      return { config, host: isStatic(wrapper) ? () => wrapper.instance as object : () => instance };
    }
    if (!isDecorated) return undefined;
    throw new TaskHostError(
      func.name,
      hosts.size > 1
        ? `${hosts.size} providers have it: ${[...hosts.values()].map((host) => `${host.name} in ${host.host?.name}`).join(', ')}`
        : `its provider ${wrappers[0]?.name} is request-scoped or transient, with no instance for this request`,
    );
  }

  private lookUp(func: AnyFunction): HostedMethod | undefined {
    // Modules may be loaded lazily, and what a factory makes is known only when it has.
    if (!this.isInitialized || this.modules.size !== this.indexedModules) this.indexModules();
    return this.index.get(func);
  }

  private indexModules(): void {
    this.index.clear();
    this.indexedModules = this.modules.size;
    for (const { providers, controllers } of this.modules.values()) {
      for (const wrapper of providers.values()) this.indexMethods(wrapper, classConfigOf(wrapper));
      // A controller's own decorators are the layer of its routes, and not of its methods.
      for (const wrapper of controllers.values()) this.indexMethods(wrapper, {});
    }
  }

  private indexMethods(wrapper: InstanceWrapper, classConfig: TaskConfig): void {
    if (wrapper.isAlias) return;
    for (const { func } of methodsOf(prototypeOf(wrapper))) {
      const known = this.index.get(func);
      if (known !== undefined) {
        known.wrappers.push(wrapper);
        continue;
      }
      const own = readTaskMetadata(func);
      const config = mergeTaskConfig(classConfig, own ?? {});
      this.index.set(func, { config, isDecorated: Object.keys(config).length > 0, wrappers: [wrapper] });
    }
  }
}

function instanceOf(wrapper: InstanceWrapper, contextId: ContextId | undefined): object | undefined {
  if (isStatic(wrapper)) return wrapper.instance as object;
  if (contextId === undefined || wrapper.isTransient) return undefined;
  const { instance, isResolved } = wrapper.getInstanceByContextId(contextId);
  return isResolved === true ? (instance as object) : undefined;
}
