import { types } from 'node:util';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** The handler that a request was given to. */
export interface Route {
  readonly controller: object;
  readonly handler: object;
}

/** Whether the handler sends server-sent events. */
export function isEventStream({ handler }: Route): boolean {
  return Reflect.getMetadata(SSE_METADATA, handler) === true;
}

/** Whether the handler returns a promise, as far as it can be told before it is called. */
export function isAsync({ controller, handler }: Route): boolean {
  if (types.isAsyncFunction(handler)) return true;
  const { prototype } = controller as { prototype: object };
  return Reflect.getMetadata('design:returntype', prototype, keyOf({ controller, handler })) === Promise;
}

/** Whether the handler answers through `@Res()` or `@Next()`, rather than by what it returns: as Nest decides it. */
export function repliesByItself({ controller, handler }: Route): boolean {
  const key = keyOf({ controller, handler });
  const params = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, key) ?? {}) as object;
  // Keys are such as '1:0', the kind of the parameter and its place. Those of custom decorators begin with random letters
  // and digits.
  const kinds = Object.keys(params).map((param) => (/^\d+:\d+$/.test(param) ? Number.parseInt(param, 10) : undefined));
  const takesResponse = kinds.some((kind) => kind === RouteParamtypes.RESPONSE || kind === RouteParamtypes.NEXT);
  return takesResponse && Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, key) !== true;
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
