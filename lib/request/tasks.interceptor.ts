import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Observable, type Observer, type Subscriber } from 'rxjs';
import { RequestRegistry } from './request-registry.js';
import type { HandlerTasks } from './handler-tasks.js';

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
    const tasks = context.getType() === 'http' ? this.requests.enter(context) : this.requests.enterOperation(context);
    if (tasks === undefined) return next.handle();
    return new Observable((subscriber) => {
      const route = tasks.run(() => next.handle().subscribe(new RouteObserver(tasks, subscriber, this.requests)));
      return () => {
        route.unsubscribe();
        // Torn down before its end: the client has gone, which is no error.
        tasks.settle('success');
      };
    });
  }
}

class RouteObserver implements Observer<unknown> {
  /** What waits for after-route tasks to start. */
  private waiting: (() => void)[] | undefined;

  constructor(
    private readonly tasks: HandlerTasks,
    private readonly subscriber: Subscriber<unknown>,
    private readonly requests: RequestRegistry,
  ) {}

  next(value: unknown): void {
    // A gateway sends what is emitted at once, and tasks start in a microtask.
    if (this.tasks.emitted()) this.wait();
    if (this.waiting === undefined) this.subscriber.next(value);
    else this.waiting.push(() => this.subscriber.next(value));
  }

  error(error: unknown): void {
    this.tasks.settle('error');
    this.reply(() => this.subscriber.error(error));
  }

  complete(): void {
    this.tasks.settle('success');
    this.reply(() => this.subscriber.complete());
  }

  /** Nest answers when the Observable ends. */
  private reply(end: () => void): void {
    const hold = this.requests.beforeReply(this.tasks);
    if (hold === undefined) this.pass(end);
    else void hold.then(() => this.pass(end));
  }

  private pass(signal: () => void): void {
    if (this.waiting === undefined) signal();
    else this.waiting.push(signal);
  }

  private wait(): void {
    const waiting: (() => void)[] = (this.waiting = []);
    queueMicrotask(() => {
      for (const signal of waiting) signal(); // and those that come meanwhile
      this.waiting = undefined;
    });
  }
}
