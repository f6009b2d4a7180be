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
import { ExecutionWriter } from '../queue/client/execution-writer.js';
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
/** Request of an adapter: Express passes Node's objects, Fastify wraps them. */
type AdapterRequest = NodeRequest & { raw?: NodeRequest };
type AdapterResponse = ServerResponse & { raw?: ServerResponse };

/**
 * Context that the resolvers of a GraphQL operation share; made by the application, by default with the request in it.
 */
type GraphqlContext = WithContextId & { readonly req?: AdapterRequest };
/** REQUEST of a microservice's message. */
type MessageHost = WithContextId & { getContext(): object };

/**
 * Key of a request's tasks on Node's own request, which is the same object in guards, interceptors and injected
 * providers, on every adapter. A WeakMap would cost every request four times as much.
 */
const TASKS = Symbol('nestjs-tasks:tasks');

/** Seconds of the Retry-After header: about the time of a broker's restart, or of an operator's first reaction. */
const RETRY_AFTER = '5';

/** Finds the tasks of each request, and the options of its route. */
@Injectable()
export class RequestRegistry implements RequestEnvironment {
  private readonly moduleLayer: ConfigLayer;
  private readonly routeLayers = new WeakMap<object, WeakMap<object, ConfigLayer>>();

  constructor(
    @Inject(TASKS_OPTIONS) options: ResolvedTasksOptions,
    readonly factory: TaskFactory,
    readonly runner: TaskRunner,
    readonly writer: ExecutionWriter,
    private readonly responses: RawResponses,
    private readonly host: HttpAdapterHost,
  ) {
    this.moduleLayer = new ConfigLayer(options.config);
  }

  /**
   * Enters a route with a request, an operation or a message.
   *
   * @returns a run without a route for other handlers, such as a field resolver; undefined for an unknown context.
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
   * Returns the service to inject, perhaps before the request has reached its route.
   *
   * @throws {TasksUsageError} `NO_REQUEST` when `request` is not a request; for a gateway at the first use of the
   * service.
   */
  serviceFor(request: unknown): TasksService {
    if (isHttpRequest(request)) {
      const raw = request.raw ?? request;
      const response = this.responses.of(raw);
      const contextId = contextIdOf(request);
      // No real request. A request of an unknown adapter gets its response when it reaches its route.
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

  /** Returns the options of a route, from the module's to the handler's. */
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
   * Seam for nestjs-tasks/testing: called when the route has settled, before its after-route tasks start.
   *
   * @returns the promise that the reply waits for, which must not reject.
   */
  beforeReply(_run: RouteRun): Promise<void> | undefined {
    return undefined;
  }

  /** Creates the client's error for additions that the queue has not accepted. */
  refusal(context: ExecutionContext, cause: unknown): Error {
    if (context.getType() === 'http') {
      const response: unknown = context.switchToHttp().getResponse();
      const { httpAdapter } = this.host;
      // Another answer, such as a timeout's, may have been sent meanwhile.
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

/** Tells a GraphQL context, which Nest marks. The payload of a durable provider, REQUEST too, has no mark. */
function isGraphqlContext(request: unknown): request is GraphqlContext {
  return isMarked(request) && !isGatewayClient(request);
}

/** Tells a gateway's client. Nest marks it too, though all messages of its connection share it. */
function isGatewayClient(request: unknown): boolean {
  if (!isMarked(request)) return false;
  const { on, emit } = request as { readonly on?: unknown; readonly emit?: unknown };
  return typeof on === 'function' && typeof emit === 'function';
}

function isMarked(request: unknown): request is WithContextId {
  return (request as WithContextId | undefined)?.[REQUEST_CONTEXT_ID] !== undefined;
}

/** Returns the ContextId, which Nest makes for the requests of request-scoped routes. */
function contextIdOf(request: AdapterRequest): ContextId | undefined {
  return request[REQUEST_CONTEXT_ID] ?? request.raw?.[REQUEST_CONTEXT_ID];
}
