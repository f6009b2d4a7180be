import { Injectable, type ExecutionContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { bindToHandlers, HandlerInterceptor, type PassInterceptor } from './handler-binding.js';
import { HandlersWithTasks } from './handlers-with-tasks.js';
import { RequestRegistry } from './request-registry.js';
import type { Route } from './route.js';
import { OutsideInterceptor, RouteInterceptor } from './route-interceptor.js';

/**
 * Settles the tasks of each request by the outcome of its route. Outermost of all interceptors, so that it sees their
 * changes of the handler's result; a singleton, so that it does not make every route request-scoped.
 */
@Injectable()
export class TasksInterceptor extends HandlerInterceptor {
  private readonly handlers: HandlersWithTasks;

  constructor(
    private readonly requests: RequestRegistry,
    modules: ModulesContainer,
  ) {
    super();
    this.handlers = new HandlersWithTasks(modules);
    // Nest reads the interceptors when it makes the routes, so this must happen in a constructor.
    bindToHandlers(modules, this);
  }

  override isFor(route: Route, isStatic: boolean): boolean {
    return !isStatic || this.handlers.has(route);
  }

  override enter(context: ExecutionContext): PassInterceptor | undefined {
    const run = this.requests.enter(context);
    if (run === undefined) return undefined;
    return run.route === undefined ? new OutsideInterceptor(run) : new RouteInterceptor(run, this.requests);
  }
}
