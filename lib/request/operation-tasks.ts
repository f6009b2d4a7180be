import type { ContextId } from '@nestjs/core';
import type { BatchOwner } from './batch-owner.js';
import type { RequestEnvironment } from './exchange.js';
import { ExchangeTasks } from './exchange-tasks.js';
import { noRoute } from './request-errors.js';
import type { Reply } from './reply.js';
import type { Route } from './route.js';
import { RouteRun } from './route-run.js';

/** By the context of a GraphQL operation or of a microservice's message, which may be anybody's object. */
const operations = new WeakMap<object, OperationTasks>();

/** The operation that the handlers with this context share, if one of them was reached. */
export function operationOf(shared: object): OperationTasks | undefined {
  return operations.get(shared);
}

/** The same; made if there is none. @param shared a transport of the application's own may have none. */
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
 * The tasks of what several handlers may answer together: a GraphQL operation with its root resolvers, or the message of
 * a microservice or a gateway. After-route tasks of all routes start when the last has ended.
 */
export class OperationTasks extends ExchangeTasks {
  isOver = false;
  readonly status = undefined;
  /** That of a GraphQL subscription is its stream of events. */
  readonly readsGenerators = false;

  private outsideOnDemand: RouteRun | undefined = undefined;
  private isReplyWatched = false;
  private expected = Infinity;
  private running = 0;
  private ended = 0;
  /** The reply is on its way: a handler that has not been reached by now will not be. */
  private isAnswered = false;
  private hasFailed = false;

  constructor(
    environment: RequestEnvironment,
    readonly reply: Reply,
  ) {
    super(environment);
  }

  /** Nest makes a ContextId where a handler is request-scoped. */
  meet(contextId: ContextId | undefined): void {
    if (!this.hasEnded) this.contextId ??= contextId;
  }

  /**
   * One handler more.
   *
   * @param expected how many will answer in all, those that a guard denies included.
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

  /** Code outside of all handlers is not waited for either. */
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
    // Nothing tells of the reply before it is made, nor of handlers that were expected and are not reached.
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

  /** The reply has ended, perhaps before its handlers have: its receiver has gone. */
  override end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.contextId = undefined;
    if (this.isOver) this.releaseAfterResponse(this.owners);
    else this.endIfOver();
  }

  /** Owner of what is scheduled outside of all handlers: in guards, field resolvers, the factory of the context. */
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

  /** Of what is in no route: that of the whole. A guard that denied its resolver leaves no route behind. */
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
