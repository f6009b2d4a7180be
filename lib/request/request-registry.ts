import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import { readClassTaskMetadata, readTaskMetadata } from '../decorators/task-metadata.js';
import { TaskFactory } from '../scheduler/task-factory.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { ConfigLayer } from '../task/config-layer.js';
import { NoRequestError, TasksModuleMissingError } from '../task/task-errors.js';
import { RawResponses, type RawRequest } from './raw-responses.js';
import { RequestTasks, type RequestEnvironment, type Route } from './request-tasks.js';

type NodeRequest = RawRequest & { [TASKS]?: RequestTasks; [REQUEST_CONTEXT_ID]?: ContextId };
/** Express hands out Node's objects, Fastify wraps them. */
type AdapterRequest = NodeRequest & { raw?: NodeRequest };
type AdapterResponse = ServerResponse & { raw?: ServerResponse };

/**
 * Where a request's tasks are kept: on Node's own request, which is the same in guards, interceptors and what is
 * injected, on every adapter. A WeakMap would cost every request four times as much.
 */
const TASKS = Symbol('nestjs-tasks:tasks');

/** Knows the tasks of each request, and the options that its route gives them. */
@Injectable()
export class RequestRegistry implements RequestEnvironment {
  private readonly moduleLayer: ConfigLayer;
  private readonly routeLayers = new WeakMap<object, WeakMap<object, ConfigLayer>>();

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    readonly factory: TaskFactory,
    readonly runner: TaskRunner,
    private readonly responses: RawResponses,
  ) {
    this.moduleLayer = new ConfigLayer(options.config);
  }

  /** For a request that has reached its route. */
  enter(context: ExecutionContext): RequestTasks {
    const [request, response] = context.getArgs<[AdapterRequest, AdapterResponse]>();
    const tasks = this.obtain(request.raw ?? request);
    tasks.enter({ controller: context.getClass(), handler: context.getHandler() });
    tasks.meet(response.raw ?? response, contextIdOf(request));
    return tasks;
  }

  /**
   * For what is injected, perhaps before the request has reached its route.
   *
   * @throws {NoRequestError} when `request` is not an HTTP request.
   */
  ofInjected(request: AdapterRequest | undefined): RequestTasks {
    if (!isHttpRequest(request)) throw new NoRequestError();
    const raw = request.raw ?? request;
    const tasks = this.obtain(raw);
    tasks.meet(this.responses.of(raw), contextIdOf(request));
    return tasks;
  }

  /** From the module's options to the handler's. */
  layerOf(route: Route | undefined): ConfigLayer {
    if (route === undefined) return this.moduleLayer;
    const { controller, handler } = route;
    let layers = this.routeLayers.get(controller);
    if (layers === undefined) this.routeLayers.set(controller, (layers = new WeakMap()));
    let layer = layers.get(handler);
    if (layer === undefined) {
      layer = this.moduleLayer.with(readClassTaskMetadata(controller), readTaskMetadata(handler) ?? {});
      layers.set(handler, layer);
    }
    return layer;
  }

  private obtain(raw: NodeRequest): RequestTasks {
    return (raw[TASKS] ??= new RequestTasks(this));
  }
}

/**
 * The tasks of the request that `context` belongs to.
 *
 * @throws {NoRequestError} outside of HTTP.
 * @throws {TasksModuleMissingError} when no interceptor of ours has seen the request.
 */
export function requestTasksOf(context: ExecutionContext): RequestTasks {
  if (context.getType() !== 'http') throw new NoRequestError();
  const request = context.getArgByIndex<AdapterRequest>(0);
  const tasks = (request.raw ?? request)[TASKS];
  if (tasks === undefined) throw new TasksModuleMissingError('@Tasks() finds no tasks module');
  return tasks;
}

/** A GraphQL context or the payload of a durable provider may be injected as REQUEST too. */
function isHttpRequest(request: AdapterRequest | undefined): request is AdapterRequest {
  const raw = (request?.raw ?? request) as Partial<IncomingMessage> | undefined;
  return typeof raw?.method === 'string' && typeof raw.headers === 'object';
}

/** Nest makes one for the requests of request-scoped routes. */
function contextIdOf(request: AdapterRequest): ContextId | undefined {
  return request[REQUEST_CONTEXT_ID] ?? request.raw?.[REQUEST_CONTEXT_ID];
}
