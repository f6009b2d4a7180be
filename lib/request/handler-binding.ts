import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { ContextId, ModulesContainer } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { STATIC_CONTEXT } from '@nestjs/core/injector/constants.js';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import { InterceptorsContextCreator } from '@nestjs/core/interceptors/interceptors-context-creator.js';
import type { Observable } from 'rxjs';
import type { Route } from './route.js';

/** Interceptor of one pass of a request, and of each call of the handler. */
export interface PassInterceptor extends NestInterceptor {
  /** Calls the handler in the place of Nest. */
  call(next: () => Promise<unknown>): Promise<unknown>;
  /** Answers the request where there are no other interceptors. @returns the value for Nest to answer with. */
  answer(context: ExecutionContext, next: () => Promise<unknown>): Promise<unknown>;
}

/** Interceptor bound to some handlers, outside of all others, which creates another for each request. */
export abstract class HandlerInterceptor implements NestInterceptor {
  /** Creates the interceptor of a request. @returns undefined for a request that it ignores. */
  abstract enter(context: ExecutionContext): PassInterceptor | undefined;

  /** Selects the handlers to bind to. @param isStatic the class is instantiated once, rather than for each request. */
  abstract isFor(route: Route, isStatic: boolean): boolean;

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    return this.enter(context)?.intercept(context, next) ?? next.handle();
  }
}

const interceptors = new WeakMap<ModulesContainer, HandlerInterceptor>();

/**
 * Binds an interceptor to the handlers that it selects. Two methods of Nest are replaced, as tracing
 * libraries replace them:
 *
 * - `InterceptorsContextCreator.create()` makes the list of interceptors of each handler. A global interceptor would
 *   cost every route about a third of its time on Fastify. Interceptors of classes and methods run inside the
 *   application's global ones.
 * - `InterceptorsConsumer.intercept()` gets the function that calls the handler. Its end is the handler's,
 *   regardless of interceptors. A second, innermost interceptor would see it too, for another part of a request's
 *   time. A wrapped method loses the metadata of the original. Where there are no other interceptors, the
 *   Observables that Nest makes for them, which cost more than a whole task, are left out.
 */
export function bindToHandlers(modules: ModulesContainer, interceptor: HandlerInterceptor): void {
  interceptors.set(modules, interceptor);
  replaceOnce();
}

let isReplaced = false;

function replaceOnce(): void {
  if (isReplaced) return;
  isReplaced = true;
  replaceCreate();
  replaceIntercept();
}

interface ContextCreator {
  readonly container: { getModules(): ModulesContainer };
}

function replaceCreate(): void {
  const { prototype } = InterceptorsContextCreator;
  const { create } = prototype;
  prototype.create = function (instance, callback, module, contextId?: ContextId, inquirerId?: string) {
    const list = create.call(this, instance, callback, module, contextId, inquirerId);
    const interceptor = interceptors.get((this as unknown as ContextCreator).container.getModules());
    const isStatic = contextId === undefined || contextId === STATIC_CONTEXT;
    const isBound = interceptor?.isFor({ controller: instance.constructor, handler: callback }, isStatic) === true;
    return isBound ? [interceptor, ...list] : list;
  };
}

function replaceIntercept(): void {
  const { prototype } = InterceptorsConsumer;
  const { intercept } = prototype;
  prototype.intercept = function (list, args, instance, callback, next, type) {
    const first = (list as NestInterceptor[] | undefined)?.[0];
    if (!(first instanceof HandlerInterceptor)) {
      return intercept.call(this, list, args, instance, callback, next, type) as Promise<never>;
    }
    const inner = list.slice(1);
    const context = new ExecutionContextHost(args, instance.constructor as never, callback as never);
    if (type !== undefined) context.setType(type);
    const pass = first.enter(context);
    if (pass === undefined) return intercept.call(this, inner, args, instance, callback, next, type) as Promise<never>;
    const handler = next as () => Promise<unknown>;
    if (inner.length === 0) return pass.answer(context, handler) as Promise<never>;
    const call = (): Promise<unknown> => pass.call(handler);
    return intercept.call(this, [pass, ...inner], args, instance, callback, call, type) as Promise<never>;
  };
}
