import type { ContextId } from '@nestjs/core';
import type { TaskFactory } from '../scheduler/task-factory.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { TaskOrigin, TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { TaskBatch, type RouteOutcome } from './task-batch.js';
import type { TaskTimings } from './tasks.service.js';

/** The handler that a request was given to. */
export interface Route {
  readonly controller: object;
  readonly handler: object;
}

/** What the requests of an application share. */
export interface RequestEnvironment {
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

  get isEnded(): boolean {
    return this.outcome !== undefined && this.hasResponseEnded;
  }

  /** A task that starts now. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.create('immediate', own, work, args);
    this.environment.runner.start(task);
    return task;
  }

  /** The request has passed its guards. */
  enter(route: Route): void {
    this.route = route;
  }

  /** Calls the handler, with what it needs around it. */
  run<R>(func: () => R): R {
    return func();
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
  protected abstract get isStreaming(): boolean;

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
    if (this.hasResponseEnded) this.afterResponseOnDemand?.open();
  }

  private create(timing: TaskTiming, own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const layer = this.environment.layerOf(this.route);
    const task = this.environment.factory.create({ timing, layer, origin: this }, own, work, args);
    this.watchResponse();
    return task;
  }

  private createBatch(timing: TaskTiming): TaskBatch {
    return new TaskBatch((own, work, args) => this.create(timing, own, work, args), this.environment.runner);
  }
}
