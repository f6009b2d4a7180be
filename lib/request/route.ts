import { types } from 'node:util';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { readMethodTaskMetadata, readTaskMetadata } from '../decorators/task-metadata.js';
import { methodsOf } from '../scheduler/provider-classes.js';
import type { TaskConfig } from '../task/task-config.js';

/** The handler that a request was given to. */
export interface Route {
  readonly controller: object;
  readonly handler: object;
}

/** A parameter of a handler, as Nest keeps it. */
export interface RouteParameter {
  /** `undefined` for that of a custom decorator. */
  readonly kind: RouteParamtypes | undefined;
  /** What the decorator was given, such as the name of a property. */
  readonly data: unknown;
  /** Of a custom decorator. */
  readonly factory: unknown;
}

/** Whether the handler sends server-sent events. */
export function isEventStream({ handler }: Route): boolean {
  return Reflect.getMetadata(SSE_METADATA, handler) === true;
}

/** Whether the handler is an async generator, whose chunks Nest sends as they come. */
export function repliesInChunks({ handler }: Route): boolean {
  return types.isGeneratorFunction(handler);
}

/** Whether the handler answers through `@Res()` or `@Next()`, rather than by what it returns: as Nest decides it. */
export function repliesByItself(route: Route): boolean {
  const takesResponse = takes(route, RouteParamtypes.RESPONSE) || takes(route, RouteParamtypes.NEXT);
  return takesResponse && Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, route.controller, keyOf(route)) !== true;
}

/** Whether the handler leaves the answer to the next one, having no response of its own to answer with. */
export function handsOn(route: Route): boolean {
  return takes(route, RouteParamtypes.NEXT) && !takes(route, RouteParamtypes.RESPONSE);
}

function takes(route: Route, kind: RouteParamtypes): boolean {
  return parametersOf(route).some((parameter) => parameter.kind === kind);
}

/** The decorated parameters, in no order. */
export function parametersOf({ controller, handler }: Route): RouteParameter[] {
  const params = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, keyOf({ controller, handler })) ?? {}) as Record<
    string,
    Partial<RouteParameter>
  >;
  return Object.entries(params).map(([key, { data, factory }]) => ({ kind: kindOf(key), data, factory }));
}

/** What task decorators on the handler say, whatever else wraps it. */
export function configOf({ controller, handler }: Route): TaskConfig {
  for (const { name, func, prototype } of methodsOf((controller as { prototype?: object }).prototype)) {
    if (func === handler) return readMethodTaskMetadata(prototype, name, handler);
  }
  return readTaskMetadata(handler) ?? {};
}

/** Keys are such as '1:0', the kind of the parameter and its place. Those of custom decorators begin with random characters. */
function kindOf(key: string): RouteParamtypes | undefined {
  return /^\d+:\d+$/.test(key) ? Number.parseInt(key, 10) : undefined;
}

/** What Nest keeps a handler's metadata under. Not its name: a decorator may have wrapped it in another function. */
function keyOf({ controller, handler }: Route): string {
  const { prototype } = controller as { prototype?: object };
  for (let at = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | undefined) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (value === handler) return key;
    }
  }
  return (handler as { name: string }).name;
}
