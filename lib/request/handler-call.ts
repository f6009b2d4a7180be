import { isObservable, type Observable } from 'rxjs';
import { BatchOwner, currentOwner } from './batch-owner.js';
import type { EnqueueGroups } from './enqueue-groups.js';
import type { Exchange } from './exchange.js';
import { watchGenerator, watchObservable, type ResultListener } from './handler-result.js';
import { handsOn, type Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';

/** Route that a call of its handler belongs to. */
export interface CalledRoute {
  readonly exchange: Exchange;
  readonly route: Route | undefined;
  readonly enqueueGroups: EnqueueGroups;
  readonly isSettled: boolean;
  /** Reports the first value, or chunk, of the call's result. */
  callEmitted(call: HandlerCall): void;
  callEnded(call: HandlerCall, outcome: RouteOutcome): void;
}

/**
 * Call of a handler, its pipes included, with the tasks that are scheduled in it. An interceptor may call the handler
 * again (`retry()`, hedging); each call has its own tasks.
 */
export class HandlerCall extends BatchOwner implements ResultListener {
  /** Outcome of the handler itself, regardless of interceptors. */
  private ownOutcome: RouteOutcome | undefined = undefined;

  private hasReturned = false;
  private readonly statusAtStart: number | undefined;
  /** Kind of the result until something subscribes to it or asks for its first chunk. */
  private unread: 'observable' | 'generator' | undefined = undefined;

  constructor(private readonly run: CalledRoute) {
    super(run.exchange);
    this.statusAtStart = run.exchange.status;
  }

  override get route(): Route | undefined {
    return this.run.route;
  }

  /** True if the handler has succeeded, so that the route may succeed. */
  get hasSucceeded(): boolean {
    return this.ownOutcome === 'success';
  }

  /** True if the first value may be sent before the handler ends. */
  get hasBegun(): boolean {
    return this.hasEmitted || this.hasSucceeded;
  }

  /** True inside the handler before its return. */
  get isCallerOpen(): boolean {
    return !this.hasReturned && this.ownOutcome === undefined && currentOwner() === this;
  }

  /** Calls the handler. @param next Nest's function, async: applies the pipes, then calls the method. */
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
    // A later handler of the chain may have answered by now.
    const isOthers = status !== undefined && status >= 400 && this.route !== undefined && handsOn(this.route);
    this.statusAtSuccess = isOthers ? this.statusAtStart : status;
    this.run.callEnded(this, outcome);
  }

  /** True if it has returned an Observable without a subscriber. */
  get isUnsubscribed(): boolean {
    return this.unread === 'observable';
  }

  /** Ends the call at the end of the route: Nest subscribes to nothing when the receiver has gone. */
  routeEnded(): void {
    if (this.isUnsubscribed) this.ended('success');
  }

  /**
   * Ends the call at the end of the reply: Nest 11 reads no generators, and a client may leave before the first chunk.
   */
  replyEnded(): void {
    if (this.unread === 'generator') this.ended('success');
  }

  /** Watches a result that may be only the beginning of the handler's work. */
  private returned(value: unknown): unknown {
    this.hasReturned = true;
    if (isObservable(value)) {
      this.unread = 'observable';
      // An interceptor may have answered meanwhile, and still subscribe.
      if (this.run.isSettled) setImmediate(() => this.routeEnded());
      return watchObservable(value as Observable<unknown>, this);
    }
    if (this.exchange.readsGenerators && watchGenerator(value, this)) this.unread = 'generator';
    else this.ended('success');
    return value;
  }
}
