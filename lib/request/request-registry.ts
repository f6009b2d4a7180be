import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, ServiceUnavailableException, type ExecutionContext } from '@nestjs/common';
import { HttpAdapterHost, type ContextId } from '@nestjs/core';
import { REQUEST_CONTEXT_ID } from '@nestjs/core/router/request/request-constants.js';
import { readClassTaskMetadata } from '../decorators/task-metadata.js';
import { TaskFactory } from '../scheduler/task-factory.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { ConfigLayer } from '../task/config-layer.js';
import { noRequest } from './request-errors.js';
import { Enqueuer } from './enqueuer.js';
import type { RequestEnvironment } from './exchange.js';
import { obtainOperation, OperationTasks } from './operation-tasks.js';
import { RawResponses, type RawRequest } from './raw-responses.js';
import { HttpReply, MessageReply, UnseenReply, type Reply } from './reply.js';
import { RequestTasks } from './request-tasks.js';
import { configOf, type Route } from './route.js';
import type { RouteRun } from './route-run.js';
import { countRootFields, isRootField, type ResolveInfo } from './root-fields.js';
import { RefusingTimings } from './refusing-timings.js';
import { TasksService } from './tasks.service.js';

interface WithContextId {
  readonly [REQUEST_CONTEXT_ID]?: ContextId;
}

type NodeRequest = RawRequest & WithContextId & { [TASKS]?: RequestTasks };
/** Express hands out Node's objects, Fastify wraps them. */
type AdapterRequest = NodeRequest & { raw?: NodeRequest };
type AdapterResponse = ServerResponse & { raw?: ServerResponse };

/** What the resolvers of a GraphQL operation share; made by the application, and by default with the request in it. */
type GraphqlContext = WithContextId & { readonly req?: AdapterRequest };
/** What is injected as REQUEST for the message of a microservice. */
type MessageHost = WithContextId & { getContext(): object };

/**
 * Where a request's tasks are kept: on Node's own request, which is the same in guards, interceptors and what is
 * injected, on every adapter. A WeakMap would cost every request four times as much.
 */
const TASKS = Symbol('nestjs-tasks:tasks');

/** In seconds: about what a broker needs to come back, or an operator to be called by others. */
const RETRY_AFTER = '5';

/** Knows the tasks of each request, and the options that its route gives them. */
@Injectable()
export class RequestRegistry implements RequestEnvironment {
  private readonly moduleLayer: ConfigLayer;
  private readonly routeLayers = new WeakMap<object, WeakMap<object, ConfigLayer>>();

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    readonly factory: TaskFactory,
    readonly runner: TaskRunner,
    readonly enqueuer: Enqueuer,
    private readonly responses: RawResponses,
    private readonly host: HttpAdapterHost,
  ) {
    this.moduleLayer = new ConfigLayer(options.config);
  }

  /**
   * A request, an operation or a message has reached a route.
   *
   * @returns a run without a route for what is none, such as a field resolver; nothing where nothing is known of it.
   */
  enter(context: ExecutionContext): RouteRun | undefined {
    switch (context.getType<string>()) {
      case 'http': {
        const [request, response] = context.getArgs<[AdapterRequest, AdapterResponse]>();
        const tasks = this.obtain(request.raw ?? request);
        tasks.meet(response.raw ?? response, contextIdOf(request));
        return tasks.enter(routeOf(context));
      }
      case 'graphql': {
        const [, , shared, info] = context.getArgs<[unknown, unknown, GraphqlContext, ResolveInfo | undefined]>();
        // A resolver of references, for a federation's gateway, has other arguments.
        if (info === undefined) return undefined;
        const operation = obtainOperation(this, shared, () => this.replyOf(shared));
        operation.meet(shared[REQUEST_CONTEXT_ID]);
        if (!isRootField(info)) return operation.outside;
        return operation.enter(routeOf(context), countRootFields(info));
      }
      case 'rpc': {
        const shared = context.getArgByIndex<object | undefined>(1);
        return obtainOperation(this, shared, () => new MessageReply(shared)).enter(routeOf(context), 1);
      }
      case 'ws':
        return new OperationTasks(this, new MessageReply()).enter(routeOf(context), 1);
      default:
        return undefined;
    }
  }

  /**
   * The service for what is injected, perhaps before the request has reached its route.
   *
   * @throws {TasksUsageError} `NO_REQUEST` when `request` is none; for a gateway not now, but when the service is used.
   */
  serviceFor(request: unknown): TasksService {
    if (isHttpRequest(request)) {
      const raw = request.raw ?? request;
      const response = this.responses.of(raw);
      const contextId = contextIdOf(request);
      // A made-up one. That of an unknown adapter will have a response when it reaches its route.
      if (response === undefined && contextId === undefined) throw noRequest(request);
      const tasks = this.obtain(raw);
      tasks.meet(response, contextId);
      return tasks.service;
    }
    if (isMessageHost(request)) {
      const shared = request.getContext();
      const operation = obtainOperation(this, shared, () => new MessageReply(shared));
      operation.meet(request[REQUEST_CONTEXT_ID]);
      return operation.service;
    }
    if (isGraphqlContext(request)) {
      const operation = obtainOperation(this, request, () => this.replyOf(request));
      operation.meet(request[REQUEST_CONTEXT_ID]);
      return operation.service;
    }
    if (isGatewayClient(request)) return new TasksService(new RefusingTimings(request));
    throw noRequest(request);
  }

  /** From the module's options to the handler's. */
  layerOf(route: Route | undefined): ConfigLayer {
    if (route === undefined) return this.moduleLayer;
    const { controller, handler } = route;
    let layers = this.routeLayers.get(controller);
    if (layers === undefined) this.routeLayers.set(controller, (layers = new WeakMap()));
    let layer = layers.get(handler);
    if (layer === undefined) {
      layer = this.moduleLayer.with(readClassTaskMetadata(controller), configOf(route));
      layers.set(handler, layer);
    }
    return layer;
  }

  /**
   * The route has settled, and its after-route tasks are about to start.
   *
   * @returns what the reply is to wait for, as it does in tests that ask for it; must not reject.
   */
  beforeReply(_run: RouteRun): Promise<void> | undefined {
    return undefined;
  }

  /** What the client gets when the queue has not accepted what its handler has enqueued. */
  refusal(context: ExecutionContext, cause: unknown): Error {
    if (context.getType() === 'http') {
      const response: unknown = context.switchToHttp().getResponse();
      const { httpAdapter } = this.host;
      // A timeout, for instance, may have answered meanwhile.
      if (httpAdapter.isHeadersSent(response) !== true) httpAdapter.setHeader(response, 'Retry-After', RETRY_AFTER);
    }
    return new ServiceUnavailableException('Service Unavailable', { cause });
  }

  private obtain(raw: NodeRequest): RequestTasks {
    const known = raw[TASKS];
    for (let tasks = known; tasks !== undefined; tasks = tasks.other) {
      if (tasks.environment === this) return tasks;
    }
    return (raw[TASKS] = new RequestTasks(this, known));
  }

  private replyOf({ req }: GraphqlContext): Reply {
    const response = isHttpRequest(req) ? this.responses.of(req.raw ?? req) : undefined;
    return response === undefined ? new UnseenReply() : new HttpReply(response);
  }
}

function routeOf(context: ExecutionContext): Route {
  return { controller: context.getClass(), handler: context.getHandler() };
}

function isHttpRequest(request: unknown): request is AdapterRequest {
  const raw = ((request as Partial<AdapterRequest> | undefined)?.raw ?? request) as
    Partial<IncomingMessage> | undefined;
  return typeof raw?.method === 'string' && typeof raw.headers === 'object';
}

function isMessageHost(request: unknown): request is MessageHost {
  return typeof (request as Partial<MessageHost> | undefined)?.getContext === 'function';
}

/** Nest marks the context of an operation; the payload of a durable provider, which is injected as REQUEST too, it does not. */
function isGraphqlContext(request: unknown): request is GraphqlContext {
  return isMarked(request) && !isGatewayClient(request);
}

/** It is marked, too, though it is there for all messages of its connection. */
function isGatewayClient(request: unknown): boolean {
  if (!isMarked(request)) return false;
  const { on, emit } = request as { readonly on?: unknown; readonly emit?: unknown };
  return typeof on === 'function' && typeof emit === 'function';
}

function isMarked(request: unknown): request is WithContextId {
  return (request as WithContextId | undefined)?.[REQUEST_CONTEXT_ID] !== undefined;
}

/** Nest makes one for the requests of request-scoped routes. */
function contextIdOf(request: AdapterRequest): ContextId | undefined {
  return request[REQUEST_CONTEXT_ID] ?? request.raw?.[REQUEST_CONTEXT_ID];
}
