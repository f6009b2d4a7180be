import { BatchOwner } from './batch-owner.js';
import { EnqueueGroups } from './enqueue-groups.js';
import type { Exchange } from './exchange.js';
import { HandlerCall, type CalledRoute } from './handler-call.js';
import type { Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';

/** Request and reply, as far as its routes need to know. */
export interface RoutedExchange extends Exchange {
  /** True when after-route tasks wait for no further route. */
  readonly isOver: boolean;
  /** Tells a route whose Observable sends each value at once, rather than the last one at its end. */
  isStreaming(route: Route | undefined): boolean;
  /** True if the end of the reply is observed even without a subscriber to the handler's result. */
  readonly isEndForetold: boolean;
  /** Tells a route where Nest fails on an Observable that completes without a value. */
  needsValue(route: Route | undefined): boolean;
  /** Ends the reply. */
  end(): void;
  /** Reports the end of a route. */
  routeEnded(run: RouteRun): void;
  /** Reports an owner that was settled before or after the end of its route. */
  decided(owner: BatchOwner): void;
  /** Starts tasks before the first value of a route. @returns true if there are any. */
  begin(owners: readonly BatchOwner[]): boolean;
}

/**
 * Pass of a request through a route: guards, interceptors, and all of their calls of the handler. Its own tasks are
 * scheduled outside of a call, in a guard or an interceptor, and follow the outcome of the route. Tasks of a call
 * follow the call's outcome as well.
 */
export class RouteRun extends BatchOwner implements CalledRoute {
  route: Route | undefined = undefined;
  /** True when Nest has subscribed to the route. */
  isSubscribed = false;
  /** Owners of the route's tasks, in their order. */
  readonly owners: BatchOwner[] = [this];
  private readonly calls: HandlerCall[] = [];
  private groupsOnDemand: EnqueueGroups | undefined = undefined;

  constructor(override readonly exchange: RoutedExchange) {
    super(exchange);
  }

  get enqueueGroups(): EnqueueGroups {
    return (this.groupsOnDemand ??= new EnqueueGroups(this.writer));
  }

  get isStreaming(): boolean {
    return this.exchange.isStreaming(this.route);
  }

  /** True where no value has passed the interceptors, and Nest needs one. */
  get lacksValue(): boolean {
    return !this.hasEmitted && this.exchange.needsValue(this.route);
  }

  /** Owner for code of this route whose async context is lost. */
  get latest(): BatchOwner {
    return this.calls.at(-1) ?? this;
  }

  /** True where a guard has added executions for a response that the handler sends by itself. */
  get isHoldingInVain(): boolean {
    return this.isHolding && this.exchange.isReplyUnderway(this.route, this.hasEmitted);
  }

  /** False: code of a handler belongs to its call. */
  readonly isCallerOpen = false;

  /** Calls the handler, perhaps again. */
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

  /** Settles a call: a failure at once, a success with the route. */
  callEnded(call: HandlerCall, outcome: RouteOutcome): void {
    const decision = outcome === 'error' ? outcome : this.outcome;
    if (decision === undefined) return;
    call.settle(decision);
    this.exchange.decided(call);
  }

  /**
   * Adds the executions of successful calls, guards and interceptors.
   *
   * @returns undefined without additions; else a promise that rejects with the cause of a refusal.
   */
  override accept(): Promise<void> | undefined {
    let accepted = super.accept();
    for (const call of this.calls) {
      const more = call.hasBegun ? call.accept() : undefined;
      if (more !== undefined) accepted = accepted === undefined ? more : Promise.all([accepted, more]).then(() => {});
    }
    return accepted;
  }

  /** Reports a value that has passed all interceptors. @returns true if after-route tasks are about to start. */
  emitted(): boolean {
    this.hasEmitted = true;
    return this.isStreaming && this.exchange.begin([this, ...this.calls.filter(({ hasBegun }) => hasBegun)]);
  }

  /** Waits for a subscriber to the handler's result. */
  awaitSubscriber(): void {
    this.isSubscribed = false;
    if (this.exchange.hasEnded || !this.exchange.isEndForetold) this.replyEnded();
  }

  /** Ends the calls whose result is still unread. */
  replyEnded(): void {
    for (const call of this.calls) call.replyEnded();
    // With server-sent events Nest does not subscribe when the client has left before.
    if (!this.isSubscribed) setImmediate(() => this.isSubscribed || this.end(this.hasReturned ? 'success' : 'error'));
  }

  private get hasReturned(): boolean {
    return this.calls.some(({ isUnsubscribed }) => isUnsubscribed);
  }

  /** Ends the route. A call that continues, because no interceptor waited for it, settles at its own end. */
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
