import type { ContextId } from '@nestjs/core';
import type { TaskFactory } from '../scheduler/task-factory.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import { ReplyUnderwayError } from './request-errors.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { TaskOrigin, TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { Execution } from '../queue/execution.js';
import type { Enqueuer } from './enqueuer.js';
import type { EnqueueCall } from './enqueue-call.js';
import { Enqueues } from './enqueues.js';
import type { RouteOutcome } from './route-outcome.js';
import { TaskBatch } from './task-batch.js';
import type { Route } from './route.js';
import type { TaskTimings } from './tasks.service.js';

/** What the requests of an application share. */
export interface RequestEnvironment {
  readonly enqueuer: Enqueuer;
  readonly factory: TaskFactory;
  readonly runner: TaskRunner;
  /** The options of all tasks of a route, or of none yet. */
  layerOf(route: Route | undefined): ConfigLayer;
}

/**
 * The tasks of one run of one handler. After-route tasks start when the route has settled; after-response tasks when the
 * response has ended too. Either may come first: a reply through `@Res()` ends before its handler, and so does a response
 * whose client has gone.
 *
 * Made for every request, so that it must cost next to nothing until the first task is scheduled.
 */
export abstract class HandlerTasks implements TaskOrigin, TaskTimings {
  abstract readonly contextId: ContextId | undefined;

  protected route: Route | undefined;
  protected outcome: RouteOutcome | undefined;
  protected hasEmitted = false;
  protected hasResponseEnded = false;
  private afterRouteOnDemand: TaskBatch | undefined;
  private afterResponseOnDemand: TaskBatch | undefined;
  private enqueuesOnDemand: Enqueues | undefined;

  constructor(private readonly environment: RequestEnvironment) {}

  get afterRoute(): TaskBatch {
    if (this.afterRouteOnDemand === undefined) {
      this.beforeBatch();
      this.afterRouteOnDemand = this.createBatch('afterRoute');
      this.releaseAfterRoute();
    }
    return this.afterRouteOnDemand;
  }

  get afterResponse(): TaskBatch {
    if (this.afterResponseOnDemand === undefined) {
      this.beforeBatch();
      this.afterResponseOnDemand = this.createBatch('afterResponse');
      this.releaseAfterResponse();
    }
    return this.afterResponseOnDemand;
  }

  get enqueuer(): Enqueuer {
    return this.environment.enqueuer;
  }

  get isEnded(): boolean {
    return this.outcome !== undefined && this.hasResponseEnded;
  }

  /** A task that starts now. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.create('immediate', own, work, args);
    this.environment.runner.start(task);
    return task;
  }

  /** Adds a durable task now. With options of its own that is a task, whose failure its `onError` hears of. */
  enqueue(call: EnqueueCall): Promise<Execution> {
    return call.own === undefined ? this.add(call) : this.enqueues.now(call);
  }

  /** The request has passed its guards. */
  enter(route: Route): void {
    this.route = route;
  }

  /** Calls the handler, with what it needs around it. */
  run<R>(func: () => R): R {
    return func();
  }

  /**
   * The handler has succeeded: adds what is to be accepted before the response.
   *
   * @returns nothing if there is nothing; else a promise that rejects with the cause when it was refused.
   */
  accept(): Promise<void> | undefined {
    return this.enqueuesOnDemand?.accept();
  }

  /** What a guard has enqueued for a response that the handler sends by itself. */
  get isHoldingInVain(): boolean {
    return this.enqueuesOnDemand?.isHolding === true && this.isReplyUnderway;
  }

  /** The handler's Observable has emitted a value. @returns whether after-route tasks are about to start. */
  emitted(): boolean {
    this.hasEmitted = true;
    return this.releaseAfterRoute();
  }

  /** The route has ended; the first word counts. */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.enqueuesOnDemand?.settle(outcome);
    this.releaseAfterRoute();
    this.releaseAfterResponse();
  }

  /** The response has ended, as far as tasks are concerned. */
  endResponse(): void {
    if (this.hasResponseEnded) return;
    this.hasResponseEnded = true;
    this.releaseAfterResponse();
  }

  /** Whether values go out one by one, so that the first of them is what after-route tasks must not wait behind. */
  abstract get isStreaming(): boolean;

  /** Whether the handler is to go on to its first value when whoever asked has gone, and Nest lets go of it. */
  abstract get isAwaited(): boolean;

  /** Whether the handler answers by itself, so that no answer can be held back. */
  protected abstract get isReplyUnderway(): boolean;

  /** Whether what else belongs to the request has come as far. */
  protected get isRouteOver(): boolean {
    return true;
  }

  /** The first use of a batch. May throw where nothing would ever tell that its moment has come. */
  protected beforeBatch(): void {}

  /** A task was made: the end of the response matters from now on. */
  protected abstract watchResponse(): void;

  /** @returns whether tasks are about to start. */
  protected releaseAfterRoute(): boolean {
    const batch = this.afterRouteOnDemand;
    const hasBegun = this.hasEmitted && this.isStreaming;
    const outcome = this.outcome ?? (hasBegun ? 'success' : undefined);
    if (batch === undefined || outcome === undefined) return false;
    batch.settle(outcome);
    return (hasBegun || this.isRouteOver) && batch.open();
  }

  protected releaseAfterResponse(): void {
    if (this.outcome === undefined) return;
    this.afterResponseOnDemand?.settle(this.outcome);
    if (this.hasResponseEnded && this.isRouteOver) this.afterResponseOnDemand?.open();
  }

  /** What is due when the last of several handlers has settled. */
  takeAfterRoute(): Task[] {
    return this.afterRouteOnDemand?.take() ?? [];
  }

  /** What is due when that, and the response, have ended. */
  takeAfterResponse(): Task[] {
    this.hasResponseEnded = true;
    return this.afterResponseOnDemand?.take() ?? [];
  }

  private get enqueues(): Enqueues {
    if (this.enqueuesOnDemand === undefined) {
      this.enqueuesOnDemand = new Enqueues({
        enqueuer: this.environment.enqueuer,
        runner: this.environment.runner,
        createUnlimited: (timing, config, work, args) =>
          this.create(timing, config, work, args, true) as Task<Execution>,
      });
      if (this.outcome !== undefined) this.enqueuesOnDemand.settle(this.outcome);
    }
    return this.enqueuesOnDemand;
  }

  private async add({ name, options, args }: EnqueueCall): Promise<Execution> {
    const { enqueuer } = this.environment;
    const [execution] = await enqueuer.add([enqueuer.describe(name, options, args)]);
    return execution!;
  }

  private enqueueBeforeReply(call: EnqueueCall): Task<Execution> {
    // One that comes late is written at once, as all that comes late.
    if (this.outcome === undefined && this.isReplyUnderway) throw new ReplyUnderwayError();
    this.beforeBatch();
    return this.enqueues.beforeReply(call);
  }

  private create(
    timing: TaskTiming,
    own: TaskConfig | undefined,
    work: TaskWork,
    args: readonly unknown[],
    isUnlimited = false,
  ): Task {
    const layer = this.environment.layerOf(this.route);
    const task = this.environment.factory.create({ timing, layer, origin: this, isUnlimited }, own, work, args);
    this.watchResponse();
    return task;
  }

  private createBatch(timing: 'afterRoute' | 'afterResponse'): TaskBatch {
    return new TaskBatch(
      (own, work, args) => this.create(timing, own, work, args),
      (call) =>
        timing === 'afterRoute' ? this.enqueueBeforeReply(call) : this.enqueues.afterResponse(call, this.afterResponse),
      this.environment,
    );
  }
}
