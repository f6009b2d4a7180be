import type { ContextId } from '@nestjs/core';
import type { BatchOwner } from './batch-owner.js';
import type { RequestEnvironment } from './exchange.js';
import { ExchangeTasks } from './exchange-tasks.js';
import { noRoute } from './request-errors.js';
import type { Reply } from './reply.js';
import type { Route } from './route.js';
import { RouteRun } from './route-run.js';

/** Operations by the context of a GraphQL operation or of a microservice's message, which may be any object. */
const operations = new WeakMap<object, OperationTasks>();

/** Returns the operation of the handlers with this context, if one of them was reached. */
export function operationOf(shared: object): OperationTasks | undefined {
  return operations.get(shared);
}

/** Returns the operation of the context, or creates it. @param shared may be missing on a custom transport. */
export function obtainOperation(
  environment: RequestEnvironment,
  shared: object | undefined,
  reply: () => Reply,
): OperationTasks {
  if (typeof shared !== 'object' || shared === null) return new OperationTasks(environment, reply());
  let operation = operations.get(shared);
  if (operation === undefined) operations.set(shared, (operation = new OperationTasks(environment, reply())));
  return operation;
}

/**
 * Tasks of a GraphQL operation with its root resolvers, or of a message of a microservice or a gateway. Several
 * handlers may answer together: after-route tasks of all routes start when the last has ended.
 */
export class OperationTasks extends ExchangeTasks {
  isOver = false;
  readonly status = undefined;
  /** False: the generator of a GraphQL subscription is its stream of events. */
  readonly readsGenerators = false;

  private outsideOnDemand: RouteRun | undefined = undefined;
  private isReplyWatched = false;
  private expected = Infinity;
  private running = 0;
  private ended = 0;
  /** True when the reply is on its way: no further handler will be reached. */
  private isAnswered = false;
  private hasFailed = false;

  constructor(
    environment: RequestEnvironment,
    readonly reply: Reply,
  ) {
    super(environment);
  }

  /** Keeps the ContextId, which Nest makes where a handler is request-scoped. */
  meet(contextId: ContextId | undefined): void {
    if (!this.hasEnded) this.contextId ??= contextId;
  }

  /**
   * Adds a handler.
   *
   * @param expected total of handlers that answer, those that a guard denies included.
   */
  enter(route: Route, expected: number): RouteRun {
    this.expected = expected;
    this.running += 1;
    const run = new RouteRun(this);
    run.route = route;
    this.runs.push(run);
    return run;
  }

  override get isEndForetold(): boolean {
    return this.reply.isForetold;
  }

  override isStreaming(): boolean {
    return this.reply.isStreaming;
  }

  override needsValue(): boolean {
    return !this.reply.isStreaming;
  }

  /** Refuses to wait for code outside of all handlers too. */
  override isReplyUnderway(route: Route | undefined, hasEmitted: boolean): boolean {
    return route === undefined || this.reply.hasBegun || (this.reply.isStreaming && hasEmitted);
  }

  override routeEnded(run: RouteRun): void {
    this.running -= 1;
    this.ended += 1;
    if (run.hasFailed) this.hasFailed = true;
    if (this.isOver) this.release(run.owners);
    else this.endIfOver();
    if (this.reply.isForetold) return;
    // Without a signal, the reply and unreached handlers show only by the handlers that end.
    if (this.isOver) this.watchReply();
    else if (this.running === 0) setImmediate(() => this.giveUpWaiting());
  }

  override decided(owner: BatchOwner): void {
    if (this.isOver) this.release([owner]);
  }

  override beforeBatch(): void {
    if (!this.reply.isForetold && this.runs.length === 0) throw noRoute('message');
  }

  override watchReply(): void {
    if (this.isReplyWatched || (!this.reply.isForetold && !this.isOver)) return;
    this.isReplyWatched = true;
    this.reply.watch({
      begins: () => {
        this.isAnswered = true;
        this.endIfOver();
      },
      ends: () => this.end(),
    });
  }

  /** Ends the reply, perhaps before its handlers: its receiver has gone. */
  override end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.contextId = undefined;
    if (this.isOver) this.releaseAfterResponse(this.owners);
    else this.endIfOver();
  }

  /** Owner of tasks outside of all handlers: in guards, field resolvers, the factory of the context. */
  get outside(): RouteRun {
    if (this.outsideOnDemand === undefined) {
      this.outsideOnDemand = new RouteRun(this);
      if (this.isOver) this.decideOutside(this.outsideOnDemand);
    }
    return this.outsideOnDemand;
  }

  protected override get elsewhere(): BatchOwner {
    return this.outside;
  }

  private get owners(): readonly BatchOwner[] {
    const runs = this.outsideOnDemand === undefined ? this.runs : [...this.runs, this.outsideOnDemand];
    return runs.flatMap(({ owners }) => owners);
  }

  private endIfOver(): void {
    if (this.isOver || this.running > 0 || (!this.isAnswered && this.ended < this.expected)) return;
    this.isOver = true;
    this.outsideOnDemand?.settle(this.outcome);
    this.release(this.owners);
  }

  private decideOutside(outside: RouteRun): void {
    outside.settle(this.outcome);
    this.release([outside]);
  }

  /**
   * Outcome of the operation, for tasks outside of all routes. A guard that denied its resolver leaves no route behind.
   */
  private get outcome(): 'success' | 'error' {
    return this.hasFailed || this.ended === 0 ? 'error' : 'success';
  }

  private giveUpWaiting(): void {
    if (this.running > 0) return;
    this.isAnswered = true;
    this.endIfOver();
    this.watchReply();
  }
}
