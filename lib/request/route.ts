import { types } from 'node:util';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { readMethodTaskMetadata, readTaskMetadata } from '../decorators/task-metadata.js';
import { methodsOf } from '../scheduler/provider-classes.js';
import type { TaskConfig } from '../task/task-config.js';

/** Handler of a request. */
export interface Route {
  readonly controller: object;
  readonly handler: object;
}

/** Parameter of a handler, in Nest's metadata. */
export interface RouteParameter {
  /** Kind; `undefined` for a custom decorator. */
  readonly kind: RouteParamtypes | undefined;
  /** Argument of the decorator, such as the name of a property. */
  readonly data: unknown;
  /** Factory of a custom decorator. */
  readonly factory: unknown;
}

/** Tells handlers that send server-sent events. */
export function isEventStream({ handler }: Route): boolean {
  return Reflect.getMetadata(SSE_METADATA, handler) === true;
}

/** Tells handlers that are async generators, whose chunks Nest sends one by one. */
export function repliesInChunks({ handler }: Route): boolean {
  return types.isGeneratorFunction(handler);
}

/** Tells handlers that answer through `@Res()` or `@Next()`, rather than by their return value, as Nest does. */
export function repliesByItself(route: Route): boolean {
  const takesResponse = takes(route, RouteParamtypes.RESPONSE) || takes(route, RouteParamtypes.NEXT);
  return takesResponse && Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, route.controller, keyOf(route)) !== true;
}

/** Tells handlers that leave the answer to the next one, without a response of their own. */
export function handsOn(route: Route): boolean {
  return takes(route, RouteParamtypes.NEXT) && !takes(route, RouteParamtypes.RESPONSE);
}

function takes(route: Route, kind: RouteParamtypes): boolean {
  return parametersOf(route).some((parameter) => parameter.kind === kind);
}

/** Returns the decorated parameters, in no order. */
export function parametersOf({ controller, handler }: Route): RouteParameter[] {
  const params = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, keyOf({ controller, handler })) ?? {}) as Record<
    string,
    Partial<RouteParameter>
  >;
  return Object.entries(params).map(([key, { data, factory }]) => ({ kind: kindOf(key), data, factory }));
}

/** Returns the options of the handler's task decorators, regardless of other wrappers. */
export function configOf({ controller, handler }: Route): TaskConfig {
  for (const { name, func, prototype } of methodsOf((controller as { prototype?: object }).prototype)) {
    if (func === handler) return readMethodTaskMetadata(prototype, name, handler);
  }
  return readTaskMetadata(handler) ?? {};
}

/**
 * Reads the kind from a key such as '1:0': kind and position. Keys of custom decorators begin with random characters.
 */
function kindOf(key: string): RouteParamtypes | undefined {
  return /^\d+:\d+$/.test(key) ? Number.parseInt(key, 10) : undefined;
}

/** Returns Nest's key of a handler's metadata. Not its name: a decorator may have wrapped it in another function. */
function keyOf({ controller, handler }: Route): string {
  const { prototype } = controller as { prototype?: object };
  for (let at = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | undefined) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (value === handler) return key;
    }
  }
  return (handler as { name: string }).name;
}
