import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Observable, type Observer, type Subscriber } from 'rxjs';
import { RequestRegistry } from './request-registry.js';
import type { RequestTasks } from './request-tasks.js';

/**
 * Tells each request's tasks how its route ended. Outermost of all interceptors, so that it sees what the others make
 * of the handler's result; a singleton, so that it does not make every route request-scoped.
 */
@Injectable()
export class TasksInterceptor implements NestInterceptor {
  constructor(
    private readonly requests: RequestRegistry,
    config: ApplicationConfig,
  ) {
    // Rather than APP_INTERCEPTOR, which would put it inside those of the root module. Nest binds the interceptors
    // when it makes the routes, so this must happen in a constructor.
    config.addGlobalInterceptor(this);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const tasks = this.requests.enter(context);
    return new Observable((subscriber) => {
      const route = next.handle().subscribe(new RouteObserver(tasks, subscriber));
      return () => {
        route.unsubscribe();
        // Torn down before its end: the client has gone, which is no error.
        tasks.settle('success');
      };
    });
  }
}

class RouteObserver implements Observer<unknown> {
  constructor(
    private readonly tasks: RequestTasks,
    private readonly subscriber: Subscriber<unknown>,
  ) {}

  next(value: unknown): void {
    this.tasks.emitted();
    this.subscriber.next(value);
  }

  error(error: unknown): void {
    this.tasks.settle('error');
    this.subscriber.error(error);
  }

  /**
   * The one place between the handler's success and its response: Nest replies when the Observable completes. What
   * must be accepted before after-route tasks start and the client gets its 2xx is awaited here, before both calls.
   */
  complete(): void {
    this.tasks.settle('success');
    this.subscriber.complete();
  }
}
