import { isObservable, type Observable } from 'rxjs';
import { BatchOwner, currentOwner } from './batch-owner.js';
import type { EnqueueGroups } from './enqueuer.js';
import type { Exchange } from './exchange.js';
import { watchGenerator, watchObservable, type ResultListener } from './handler-result.js';
import { handsOn, type Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';

/** The route that a call of its handler belongs to. */
export interface CalledRoute {
  readonly exchange: Exchange;
  readonly route: Route | undefined;
  readonly enqueueGroups: EnqueueGroups;
  readonly isSettled: boolean;
  /** What the call has returned has its first value, or chunk. */
  callEmitted(call: HandlerCall): void;
  callEnded(call: HandlerCall, outcome: RouteOutcome): void;
}

/**
 * One call of a handler, its pipes included, and the tasks that are scheduled in it. An interceptor may call the handler
 * again (`retry()`, hedging); each call has its own.
 */
export class HandlerCall extends BatchOwner implements ResultListener {
  /** How the handler itself ended, whatever interceptors make of it. */
  private ownOutcome: RouteOutcome | undefined = undefined;

  private hasReturned = false;
  private readonly statusAtStart: number | undefined;
  /** What it has returned, as long as nobody has subscribed to it, or has asked for its first chunk. */
  private unread: 'observable' | 'generator' | undefined = undefined;

  constructor(private readonly run: CalledRoute) {
    super(run.exchange);
    this.statusAtStart = run.exchange.status;
  }

  override get route(): Route | undefined {
    return this.run.route;
  }

  /** The handler has succeeded, and so may have the route. */
  get hasSucceeded(): boolean {
    return this.ownOutcome === 'success';
  }

  /** Its first value may go out before its end. */
  get hasBegun(): boolean {
    return this.hasEmitted || this.hasSucceeded;
  }

  /** Code of the handler runs here, and has not returned. */
  get isCallerOpen(): boolean {
    return !this.hasReturned && this.ownOutcome === undefined && currentOwner() === this;
  }

  /** Calls the handler. @param next of Nest, async: applies the pipes, then calls the function. */
  invoke(next: () => Promise<unknown>): Promise<unknown> {
    return this.runAs(next).then(
      (value) => this.returned(value),
      (error: unknown) => {
        this.ended('error');
        throw error;
      },
    );
  }

  protected override get enqueueGroups(): EnqueueGroups {
    return this.run.enqueueGroups;
  }

  read(): void {
    this.unread = undefined;
  }

  emitted(): void {
    if (this.hasEmitted) return;
    this.hasEmitted = true;
    this.run.callEmitted(this);
  }

  ended(outcome: RouteOutcome): void {
    if (this.ownOutcome !== undefined) return;
    this.ownOutcome = outcome;
    const { status } = this.exchange;
    // Whoever comes after it in the chain may have answered by now.
    const isOthers = status !== undefined && status >= 400 && this.route !== undefined && handsOn(this.route);
    this.statusAtSuccess = isOthers ? this.statusAtStart : status;
    this.run.callEnded(this, outcome);
  }

  /** It has returned an Observable, to which nobody has subscribed. */
  get isUnsubscribed(): boolean {
    return this.unread === 'observable';
  }

  /** Nest subscribes to nothing that comes when its receiver has gone. */
  routeEnded(): void {
    if (this.isUnsubscribed) this.ended('success');
  }

  /** Nest 11 reads no generators, and a client may have gone before the first chunk. */
  replyEnded(): void {
    if (this.unread === 'generator') this.ended('success');
  }

  /** What a handler returns may be the beginning of its work. */
  private returned(value: unknown): unknown {
    this.hasReturned = true;
    if (isObservable(value)) {
      this.unread = 'observable';
      // An interceptor may have answered meanwhile, and subscribe all the same.
      if (this.run.isSettled) setImmediate(() => this.routeEnded());
      return watchObservable(value as Observable<unknown>, this);
    }
    if (this.exchange.readsGenerators && watchGenerator(value, this)) this.unread = 'generator';
    else this.ended('success');
    return value;
  }
}
