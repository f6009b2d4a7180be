import type { ExecutionContext } from '@nestjs/common';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { moduleMissing } from '../task/usage-errors.js';
import { currentOwner, type BatchOwner } from './batch-owner.js';
import { operationOf } from './operation-tasks.js';
import { parametersOf, type RouteParameter } from './route.js';

/** Properties of the request by the kind of the parameter. */
const SOURCES: ReadonlyMap<RouteParamtypes | undefined, 'body' | 'query' | 'params'> = new Map([
  [RouteParamtypes.BODY, 'body'],
  [RouteParamtypes.QUERY, 'query'],
  [RouteParamtypes.PARAM, 'params'],
]);

const siblings = new WeakMap<object, RouteParameter | null>();

/**
 * Returns the value of `@Tasks()` before pipes. Nest passes a custom parameter to all pipes of the method, the
 * controller and the application. They may copy it, or check it by a schema for the body, so they get a value that fits
 * them.
 *
 * @throws {TasksUsageError} `TASKS_MODULE_MISSING` when no interceptor of the module has seen this request.
 */
export function takeTasks(_data: unknown, context: ExecutionContext): unknown {
  const type = context.getType<string>();
  const owner = currentOwner();
  if (owner === undefined || !isHere(owner, context)) {
    // Interceptors do not run for field resolvers, unless the application enables them.
    const service = type === 'graphql' ? operationOf(context.getArgByIndex(2))?.service : undefined;
    if (service === undefined) throw moduleMissing('@Tasks() finds no tasks module');
    return service;
  }
  switch (type) {
    case 'http':
      return valueOf(context.getArgByIndex(0), siblingOf(context));
    case 'rpc':
      return context.getArgByIndex(0);
    default:
      return context.getArgByIndex(1); // arguments of a gateway's message, and of a resolver
  }
}

/**
 * Checks that the owner belongs to this handler: an application without the module may answer for another one. Wrappers
 * of handlers, such as tracing libraries, may have given Nest another function than the context's.
 */
function isHere({ route }: BatchOwner, context: ExecutionContext): boolean {
  return route?.handler === context.getHandler() || route?.controller === context.getClass();
}

/** Finds the parameter beside it that the pipes of the method are meant for. */
function siblingOf(context: ExecutionContext): RouteParameter | null {
  const handler = context.getHandler();
  let sibling = siblings.get(handler);
  if (sibling === undefined) {
    const parameters = parametersOf({ controller: context.getClass(), handler });
    sibling = parameters.find(({ kind }) => SOURCES.has(kind)) ?? null;
    siblings.set(handler, sibling);
  }
  return sibling;
}

function valueOf(request: Record<string, unknown>, sibling: RouteParameter | null): unknown {
  const source = SOURCES.get(sibling?.kind);
  if (sibling === null || source === undefined) return undefined;
  const value = request[source];
  const isPart = typeof sibling.data === 'string' && typeof value === 'object' && value !== null;
  return isPart ? (value as Record<string, unknown>)[sibling.data as string] : value;
}
