import type { ContextId } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import type { TaskConfig } from '../task/task-config.js';
import { hostUnknown } from '../task/usage-errors.js';
import { refuseGenerator } from '../task/task-result.js';
import { usesThis } from './function-source.js';
import { isStatic, type AnyFunction } from './provider-classes.js';

/** Function before it is scheduled, with its options and its host. */
export interface TaskMethod {
  /** Options from its decorators. */
  readonly config: TaskConfig;
  /** Returns the provider that the method runs on. */
  readonly host?: () => object;
}

/** Place of an instance: its wrapper, and the module that the wrapper is in. */
export interface MethodHost {
  readonly wrapper: InstanceWrapper;
  readonly module: string;
}

/** Method, and the instances that may be its `this`. */
export class HostedMethod {
  readonly #hosts: MethodHost[] = [];
  #single: TaskMethod | undefined;
  #needsHost: boolean | undefined;

  constructor(
    private readonly func: AnyFunction,
    private readonly name: string,
    private readonly config: TaskConfig,
  ) {}

  add(host: MethodHost): void {
    this.#hosts.push(host);
    this.#single = undefined;
  }

  /**
   * Finds the instance.
   *
   * @param contextId the request's, to find its own instance of a request-scoped provider.
   * @throws {TypeError} when the method is a generator function.
   * @throws {TasksUsageError} `TASK_HOST` when the instance cannot be determined, and the method has decorators or uses
   * `this`.
   */
  find(contextId: ContextId | undefined): TaskMethod | undefined {
    return this.#single ?? this.#look(contextId);
  }

  #look(contextId: ContextId | undefined): TaskMethod | undefined {
    refuseGenerator(this.func);
    const { config } = this;
    const found = new Map(this.#hosts.map((host) => [instanceOf(host.wrapper, contextId), host]));
    const [[instance, host] = []] = found;
    if (found.size === 1 && instance !== undefined && host !== undefined) {
      const { wrapper } = host;
      if (!isStatic(wrapper)) return { config, host: () => instance };
      // Read when the task starts: in a constructor, Nest may not have made the other provider yet.
      const method = { config, host: () => wrapper.instance as object };
      if (this.#hosts.length === 1) this.#single = method;
      return method;
    }
    this.#needsHost ??= Object.keys(config).length > 0 || usesThis(this.func);
    if (!this.#needsHost) return undefined;
    throw hostUnknown(this.name, describe([...found.values()]), config);
  }
}

function describe(hosts: readonly MethodHost[]): string {
  const places = hosts.map(({ wrapper, module }) => `${String(wrapper.name)} in ${module}`);
  return hosts.length > 1
    ? `${hosts.length} providers have it (${places.join(', ')})`
    : `its provider ${String(hosts[0]?.wrapper.name)} is request-scoped or transient, with no instance for this request`;
}

function instanceOf(wrapper: InstanceWrapper, contextId: ContextId | undefined): object | undefined {
  if (isStatic(wrapper)) return wrapper.instance as object;
  if (contextId === undefined || wrapper.isTransient) return undefined;
  // Requests of one tenant share an instance of a durable provider.
  const isTreeDurable = wrapper.isDependencyTreeDurable();
  const ownId = contextId.getParent?.({ token: wrapper.token, isTreeDurable }) ?? contextId;
  const { instance, isResolved } = wrapper.getInstanceByContextId(ownId);
  return isResolved === true ? (instance as object) : undefined;
}
