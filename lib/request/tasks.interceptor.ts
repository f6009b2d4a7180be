import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { Observable, type Observer, type Subscriber } from 'rxjs';
import { ReplyUnderwayError } from './request-errors.js';
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
      const observer = new RouteObserver(tasks, subscriber, this.requests, context);
      if (tasks.isHoldingInVain) {
        observer.error(new ReplyUnderwayError());
        return undefined;
      }
      const route = tasks.run(() => next.handle().subscribe(observer));
      // Before its end: the client has gone, which is no error.
      const tearDown = (): void => {
        route.unsubscribe();
        tasks.settle('success');
      };
      return () => {
        if (tasks.isAwaited || observer.isAccepting) observer.onReturn = tearDown;
        else tearDown();
      };
    });
  }
}

class RouteObserver implements Observer<unknown> {
  /** Called with the first value, when nobody waits for it any more. */
  onReturn: (() => void) | undefined;
  /** The queue is asked. */
  isAccepting = false;
  /** What waits: for the queue to accept, or for after-route tasks to start. */
  private waiting: (() => void)[] | undefined;

  constructor(
    private readonly tasks: HandlerTasks,
    private readonly subscriber: Subscriber<unknown>,
    private readonly requests: RequestRegistry,
    private readonly context: ExecutionContext,
  ) {}

  next(value: unknown): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.next(value));
    // What is emitted is sent at once, so it is the answer that must wait.
    const acceptance = this.tasks.isStreaming ? this.tasks.accept() : undefined;
    if (acceptance !== undefined) return this.accept(acceptance, () => this.next(value));
    // A gateway sends in this very call, and tasks start in a microtask.
    if (this.tasks.emitted()) void this.wait(Promise.resolve(), () => this.subscriber.next(value));
    else this.subscriber.next(value);
    this.onReturn?.();
  }

  error(error: unknown): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.error(error));
    this.tasks.settle('error');
    this.reply(() => this.subscriber.error(error));
  }

  /** Nest answers when the Observable completes. */
  complete(): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.complete());
    const acceptance = this.tasks.accept();
    if (acceptance !== undefined) return this.accept(acceptance, () => this.complete());
    this.tasks.settle('success');
    this.reply(() => this.subscriber.complete());
  }

  private reply(end: () => void): void {
    const hold = this.requests.beforeReply(this.tasks);
    if (hold === undefined) end();
    else void hold.then(end);
  }

  private accept(acceptance: Promise<void>, then: () => void): void {
    this.isAccepting = true;
    void this.wait(acceptance, then);
  }

  /** Keeps all further signals back, in their order. */
  private async wait(until: Promise<void>, then: () => void): Promise<void> {
    this.waiting = [then];
    try {
      await until;
    } catch (cause) {
      // The route has failed, whatever else it would have sent.
      this.waiting = [() => this.error(this.requests.refusal(this.context, cause))];
    }
    const { waiting } = this;
    this.waiting = undefined;
    this.isAccepting = false;
    for (const signal of waiting) signal(); // they may have to wait again, and do so in their order
  }
}
