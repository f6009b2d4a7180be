import { BatchOwner } from './batch-owner.js';
import { EnqueueGroups } from './enqueuer.js';
import type { Exchange } from './exchange.js';
import { HandlerCall, type CalledRoute } from './handler-call.js';
import type { Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';

/** A request and its reply, as far as its routes need to know. */
export interface RoutedExchange extends Exchange {
  /** No route that has not ended will be waited for. */
  readonly isOver: boolean;
  /** Each value of an Observable is sent at once, rather than the last one at its end. */
  isStreaming(route: Route | undefined): boolean;
  /** The end of the reply is told of also when nobody subscribes to what the handler has returned. */
  readonly isEndForetold: boolean;
  /** Nest fails where an Observable completes without a value. */
  needsValue(route: Route | undefined): boolean;
  /** The reply has ended, as far as tasks are concerned. */
  end(): void;
  /** A route has ended. */
  routeEnded(run: RouteRun): void;
  /** Something of a route was decided on before or after its end. */
  decided(owner: BatchOwner): void;
  /** The first value of a route is about to be sent. @returns whether tasks are about to start. */
  begin(owners: readonly BatchOwner[]): boolean;
}

/**
 * One way of a request through a route: guards, interceptors, and as many calls of the handler as those make. Its own
 * tasks are those that are scheduled outside of a call, in a guard or an interceptor, and go by the outcome of the route.
 * Those of a call go by that of the call as well.
 */
export class RouteRun extends BatchOwner implements CalledRoute {
  route: Route | undefined = undefined;
  /** Nest has asked for the answer of the route. */
  isSubscribed = false;
  /** All that it has, in the order in which it came. */
  readonly owners: BatchOwner[] = [this];
  private readonly calls: HandlerCall[] = [];
  private groupsOnDemand: EnqueueGroups | undefined = undefined;

  constructor(override readonly exchange: RoutedExchange) {
    super(exchange);
  }

  get enqueueGroups(): EnqueueGroups {
    return (this.groupsOnDemand ??= new EnqueueGroups(this.enqueuer));
  }

  get isStreaming(): boolean {
    return this.exchange.isStreaming(this.route);
  }

  /** No value has passed the interceptors, and Nest needs one. */
  get lacksValue(): boolean {
    return !this.hasEmitted && this.exchange.needsValue(this.route);
  }

  /** What code of this route belongs to whose async context is lost. */
  get latest(): BatchOwner {
    return this.calls.at(-1) ?? this;
  }

  /** What a guard has enqueued for a response that the handler sends by itself. */
  get isHoldingInVain(): boolean {
    return this.isHolding && this.exchange.isReplyUnderway(this.route, this.hasEmitted);
  }

  /** Code of a handler is not that of its route. */
  readonly isCallerOpen = false;

  /** Calls the handler, once more perhaps. */
  call(next: () => Promise<unknown>): Promise<unknown> {
    const call = new HandlerCall(this);
    this.calls.push(call);
    this.owners.push(call);
    if (this.outcome === 'error') call.settle('error');
    return call.invoke(next);
  }

  callEmitted(call: HandlerCall): void {
    if (this.outcome === 'success') this.exchange.begin([call]);
  }

  /** A failure decides at once; with a success the route has a say. */
  callEnded(call: HandlerCall, outcome: RouteOutcome): void {
    const decision = outcome === 'error' ? outcome : this.outcome;
    if (decision === undefined) return;
    call.settle(decision);
    this.exchange.decided(call);
  }

  /**
   * Adds what calls that have succeeded, guards and interceptors have for the queue.
   *
   * @returns nothing if there is nothing; else a promise that rejects with the cause when it was refused.
   */
  override accept(): Promise<void> | undefined {
    let accepted = super.accept();
    for (const call of this.calls) {
      const more = call.hasBegun ? call.accept() : undefined;
      if (more !== undefined) accepted = accepted === undefined ? more : Promise.all([accepted, more]).then(() => {});
    }
    return accepted;
  }

  /** A value has passed all interceptors. @returns whether after-route tasks are about to start. */
  emitted(): boolean {
    this.hasEmitted = true;
    return this.isStreaming && this.exchange.begin([this, ...this.calls.filter(({ hasBegun }) => hasBegun)]);
  }

  /** What the handler has returned is still to be subscribed to. */
  awaitSubscriber(): void {
    this.isSubscribed = false;
    if (this.exchange.hasEnded || !this.exchange.isEndForetold) this.replyEnded();
  }

  /** What has not been read by now will not be. */
  replyEnded(): void {
    for (const call of this.calls) call.replyEnded();
    // Of server-sent events Nest subscribes to nothing when the client has gone before.
    if (!this.isSubscribed) setImmediate(() => this.isSubscribed || this.end(this.hasReturned ? 'success' : 'error'));
  }

  private get hasReturned(): boolean {
    return this.calls.some(({ isUnsubscribed }) => isUnsubscribed);
  }

  /** The route has ended. A call that goes on, because an interceptor did not wait for it, decides by its own end. */
  end(outcome: RouteOutcome): void {
    if (this.isSettled) return;
    this.settle(outcome);
    for (const call of this.calls) {
      if (outcome === 'error' || call.hasSucceeded) call.settle(outcome);
      else call.routeEnded();
    }
    this.exchange.routeEnded(this);
  }
}
