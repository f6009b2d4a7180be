import { AsyncLocalStorage } from 'node:async_hooks';
import type { ContextId } from '@nestjs/core';
import type { TaskConfig } from '../task/task-config.js';
import { NoRouteError } from './request-errors.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';
import type { Execution } from '../queue/execution.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { HandlerTasks, type RequestEnvironment } from './handler-tasks.js';
import type { Reply } from './reply.js';
import { isAsync, type Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';
import type { TaskBatch } from './task-batch.js';
import { TasksService, type TaskTimings } from './tasks.service.js';

const storage = new AsyncLocalStorage<OperationPart>();

/** The part of an operation that runs here, where one does. */
export function currentPart(): OperationPart | undefined {
  return storage.getStore();
}

/**
 * The tasks of what several handlers may answer together: a GraphQL operation with its root resolvers, or the message of
 * a microservice or a gateway. They share one TasksService; each is a part, whose outcome decides on the tasks that were
 * scheduled in it. After-route tasks of all parts start when the last has settled.
 */
export class OperationTasks implements TaskTimings {
  contextId: ContextId | undefined;
  /** Every handler that is expected has settled, or the reply shows that no more will. */
  isOver = false;
  hasEnded = false;

  private readonly parts: OperationPart[] = [];
  private outsideOnDemand: OperationPart | undefined;
  private serviceOnDemand: TasksService | undefined;
  private isReplyWatched = false;
  private expected = Infinity;
  private running = 0;
  private settled = 0;
  /** The reply is on its way: a handler that has not been reached by now will not be. */
  private isAnswered = false;
  private hasFailed = false;

  constructor(
    private readonly environment: RequestEnvironment,
    readonly reply: Reply,
  ) {}

  get service(): TasksService {
    return (this.serviceOnDemand ??= new TasksService(this));
  }

  get enqueuer(): Enqueuer {
    return this.environment.enqueuer;
  }

  get afterRoute(): TaskBatch {
    return this.current.afterRoute;
  }

  get afterResponse(): TaskBatch {
    return this.current.afterResponse;
  }

  /** Whether a handler has been reached. */
  get isEntered(): boolean {
    return this.parts.length > 0;
  }

  /** Nest makes a ContextId where a handler is request-scoped. */
  meet(contextId: ContextId | undefined): void {
    if (!this.hasEnded) this.contextId ??= contextId;
  }

  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    return this.current.start(own, work, args);
  }

  enqueue(call: EnqueueCall): Promise<Execution> {
    return this.current.enqueue(call);
  }

  /**
   * One handler more.
   *
   * @param expected how many will answer in all, those that a guard denies included.
   */
  enter(route: Route, expected: number): OperationPart {
    this.expected = expected;
    this.running += 1;
    const part = new OperationPart(this.environment, this);
    part.enter(route);
    this.parts.push(part);
    return part;
  }

  /** A handler has settled. */
  partSettled(outcome: RouteOutcome): void {
    this.running -= 1;
    this.settled += 1;
    if (outcome === 'error') this.hasFailed = true;
    this.settle();
    if (this.reply.isForetold) return;
    // Nothing tells of the reply before it is made, nor of handlers that were expected and are not reached.
    if (this.isOver) this.watchReply();
    else if (this.running === 0) setImmediate(() => this.giveUpWaiting());
  }

  /** Called for each task. */
  watchReply(): void {
    if (this.isReplyWatched || (!this.reply.isForetold && !this.isOver)) return;
    this.isReplyWatched = true;
    this.reply.watch({
      begins: () => {
        this.isAnswered = true;
        this.settle();
      },
      ends: () => this.end(),
    });
  }

  /** The part that runs here, or what is outside of all: guards, field resolvers, the factory of the context. */
  private get current(): OperationPart {
    const part = currentPart();
    return part?.operation === this ? part : this.outside;
  }

  private get outside(): OperationPart {
    if (this.outsideOnDemand === undefined) {
      this.outsideOnDemand = new OperationPart(this.environment, this);
      if (this.isOver) this.outsideOnDemand.settleAs(this.outcome);
      if (this.hasEnded) this.outsideOnDemand.endResponse();
    }
    return this.outsideOnDemand;
  }

  /** Of what is in no part: that of the whole. A guard that denied its resolver leaves no part behind. */
  private get outcome(): RouteOutcome {
    return this.hasFailed || this.settled === 0 ? 'error' : 'success';
  }

  private settle(): void {
    if (this.isOver || this.running > 0 || (!this.isAnswered && this.settled < this.expected)) return;
    this.outsideOnDemand?.settleAs(this.outcome);
    this.isOver = true;
    this.startAll((part) => part.takeAfterRoute());
    if (this.hasEnded) this.startAll((part) => part.takeAfterResponse());
  }

  private giveUpWaiting(): void {
    if (this.running > 0) return;
    this.isAnswered = true;
    this.settle();
    this.watchReply();
  }

  /** The reply has ended, perhaps before its handlers have: its receiver has gone. */
  private end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.contextId = undefined;
    this.settle();
    if (this.isOver) this.startAll((part) => part.takeAfterResponse());
  }

  /** In the order in which they were scheduled, whichever part they are of. */
  private startAll(due: (part: OperationPart) => Task[]): void {
    const outside = this.outsideOnDemand === undefined ? [] : [this.outsideOnDemand];
    const tasks = [...this.parts, ...outside].flatMap(due);
    for (const task of tasks.toSorted((one, other) => Number(one.id) - Number(other.id))) {
      this.environment.runner.submit(task);
    }
  }
}

/** The tasks that one handler of an operation schedules. */
export class OperationPart extends HandlerTasks {
  constructor(
    environment: RequestEnvironment,
    readonly operation: OperationTasks,
  ) {
    super(environment);
  }

  get contextId(): ContextId | undefined {
    return this.operation.contextId;
  }

  /** Marks what the handler does, and all that it starts, as this part's. */
  override run<R>(func: () => R): R {
    return storage.run(this, func);
  }

  override settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    if (this.operation.hasEnded) this.hasResponseEnded = true;
    super.settle(outcome);
    this.operation.partSettled(outcome);
  }

  /** For what is outside of all handlers. */
  settleAs(outcome: RouteOutcome): void {
    super.settle(outcome);
  }

  override get isStreaming(): boolean {
    return this.operation.reply.isStreaming;
  }

  /** Adapters of gateways let go of handlers whose promise is pending, too, and only an Observable takes notice of it. */
  override get isAwaited(): boolean {
    return !this.hasEmitted && this.route !== undefined && isAsync(this.route);
  }

  /** What is outside of all handlers is not waited for either. */
  protected override get isReplyUnderway(): boolean {
    return this.route === undefined || this.operation.reply.hasBegun || (this.isStreaming && this.hasEmitted);
  }

  protected override get isRouteOver(): boolean {
    return this.operation.isOver;
  }

  protected override beforeBatch(): void {
    if (!this.operation.reply.isForetold && !this.operation.isEntered) throw new NoRouteError();
  }

  protected override watchResponse(): void {
    this.operation.watchReply();
  }
}
