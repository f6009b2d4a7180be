import { types } from 'node:util';
import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { isObservable, Observable, type Observer, type Subscriber } from 'rxjs';
import type { BatchOwner } from './batch-owner.js';
import type { PassInterceptor } from './handler-binding.js';
import { replyUnderway } from './request-errors.js';
import type { RequestRegistry } from './request-registry.js';
import type { RouteOutcome } from './route-outcome.js';
import type { RouteRun } from './route-run.js';

/** Settles the run of a route, and holds the reply back until the queue has accepted. */
export class RouteInterceptor implements PassInterceptor {
  constructor(
    private readonly run: RouteRun,
    private readonly requests: RequestRegistry,
  ) {}

  call(next: () => Promise<unknown>): Promise<unknown> {
    return this.run.call(next);
  }

  async answer(context: ExecutionContext, next: () => Promise<unknown>): Promise<unknown> {
    const { run } = this;
    let value: unknown;
    try {
      run.isSubscribed = true;
      if (run.isHoldingInVain) throw replyUnderway();
      value = await run.call(next);
    } catch (error) {
      await this.end('error');
      throw error;
    }
    if (isObservable(value)) {
      run.awaitSubscriber();
      return this.observe(context, () => value as Observable<unknown>);
    }
    await this.accept(context);
    // A gateway answers at once, and tasks start in a microtask.
    if (run.emitted()) await Promise.resolve();
    const hold = this.end('success');
    if (hold !== undefined) await hold;
    return value;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { run } = this;
    // Only request-scoped interceptors can schedule.
    if (run.contextId === undefined) return this.observe(context, () => next.handle());
    return this.observe(context, () => {
      const handled = run.runAs(() => next.handle());
      return new Observable((subscriber) => run.runAs(() => handled.subscribe(subscriber)));
    });
  }

  private observe(context: ExecutionContext, handle: () => Observable<unknown>): Observable<unknown> {
    const { run } = this;
    return new Observable((subscriber) => {
      run.isSubscribed = true;
      const observer = new RouteObserver(run, subscriber, this.requests, context);
      if (run.isHoldingInVain) {
        observer.error(replyUnderway());
        return undefined;
      }
      const route = handle().subscribe(observer);
      // Teardown before the end: the client has gone, which is no error.
      const tearDown = (): void => {
        run.end('success'); // before the unsubscription, which may throw
        route.unsubscribe();
      };
      return () => {
        if (observer.isAccepting) observer.onReturn = tearDown;
        else tearDown();
      };
    });
  }

  private async accept(context: ExecutionContext): Promise<void> {
    const acceptance = this.run.accept();
    if (acceptance === undefined) return;
    try {
      await acceptance;
    } catch (cause) {
      await this.end('error');
      throw this.requests.refusal(context, cause);
    }
  }

  /** Settles the run. @returns the promise that the reply waits for. */
  private end(outcome: RouteOutcome): Promise<void> | undefined {
    this.run.end(outcome);
    return this.requests.beforeReply(this.run);
  }
}

/** Interceptor of a handler outside of all routes: its tasks belong to the operation. */
export class OutsideInterceptor implements PassInterceptor {
  constructor(private readonly outside: BatchOwner) {}

  call(next: () => Promise<unknown>): Promise<unknown> {
    return this.outside.runAs(next);
  }

  answer(_context: ExecutionContext, next: () => Promise<unknown>): Promise<unknown> {
    return this.call(next);
  }

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

class RouteObserver implements Observer<unknown> {
  /** Callback at the first value, after an unsubscription. */
  onReturn: (() => void) | undefined = undefined;
  /** True until the queue has accepted. */
  isAccepting = false;
  /** Signals that wait: for the queue to accept, for after-route tasks to start, or for the promise of a value. */
  private waiting: (() => void)[] | undefined = undefined;
  private value: unknown = undefined;

  constructor(
    private readonly run: RouteRun,
    private readonly subscriber: Subscriber<unknown>,
    private readonly requests: RequestRegistry,
    private readonly context: ExecutionContext,
  ) {}

  next(value: unknown): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.next(value));
    // Each value is sent at once, so the answer itself must wait.
    const acceptance = this.run.isStreaming ? this.run.accept() : undefined;
    if (acceptance !== undefined) return this.accept(acceptance, () => this.next(value));
    this.value = value;
    // A gateway sends within this call, and tasks start in a microtask.
    if (this.run.emitted()) void this.wait(Promise.resolve(), () => this.subscriber.next(value));
    else this.subscriber.next(value);
    this.onReturn?.();
  }

  error(error: unknown): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.error(error));
    this.run.end('error');
    this.reply(() => this.subscriber.error(error));
  }

  /** Answers: Nest does so when the Observable completes. */
  complete(): void {
    if (this.waiting !== undefined) return void this.waiting.push(() => this.complete());
    // As from `map(async …)`. Nest waits for it, and answers with its error.
    if (types.isPromise(this.value) && !this.run.isStreaming) this.completeWith(this.value);
    else this.succeed();
  }

  private completeWith(value: Promise<unknown>): void {
    this.waiting = [];
    const end = (signal: () => void) => (): void => {
      this.waiting = undefined;
      signal();
    };
    value.then(
      end(() => this.succeed()),
      end(() => this.fail()),
    );
  }

  private succeed(): void {
    if (this.run.lacksValue) return this.fail();
    const acceptance = this.run.accept();
    if (acceptance !== undefined) return this.accept(acceptance, () => this.succeed());
    this.run.end('success');
    this.reply(() => this.subscriber.complete());
  }

  /** Completes where Nest answers with an error. */
  private fail(): void {
    this.run.end('error');
    this.reply(() => this.subscriber.complete());
  }

  private reply(end: () => void): void {
    const hold = this.requests.beforeReply(this.run);
    if (hold === undefined) end();
    else void hold.then(end);
  }

  private accept(acceptance: Promise<void>, then: () => void): void {
    this.isAccepting = true;
    void this.wait(acceptance, then);
  }

  /** Holds all further signals back, in their order. */
  private async wait(until: Promise<void>, then: () => void): Promise<void> {
    this.waiting = [then];
    try {
      await until;
    } catch (cause) {
      // The route has failed, regardless of its further signals.
      this.waiting = [() => this.error(this.requests.refusal(this.context, cause))];
    }
    const { waiting } = this;
    this.waiting = undefined;
    this.isAccepting = false;
    for (const signal of waiting) signal(); // may wait again, in their order
  }
}
