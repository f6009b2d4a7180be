import type { ServerResponse } from 'node:http';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import type { ContextId } from '@nestjs/core';
import type { TaskFactory } from '../scheduler/task-factory.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { ConfigLayer } from '../task/config-layer.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { TaskOrigin } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { onAnswerToNobody, onResponseEnd } from './response-end.js';
import { TaskBatch, type RouteOutcome } from './task-batch.js';
import { TasksService, type TaskTimings } from './tasks.service.js';

type AnyFunction = (...args: never[]) => unknown;

/** The route that a request was given to. */
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
 * The tasks of one request. After-route tasks start when the route has settled; after-response tasks when the response
 * has ended too. Either may come first: a reply through `@Res()` ends before its handler, and so does a response whose
 * client has gone.
 *
 * Made for every request, so that it must cost next to nothing until the first task is scheduled.
 */
export class RequestTasks implements TaskOrigin, TaskTimings {
  contextId: ContextId | undefined;

  private route: Route | undefined;
  private response: ServerResponse | undefined;
  private outcome: RouteOutcome | undefined;
  private isResponseWatched = false;
  private hasResponseEnded = false;
  private hasEmitted = false;
  private serviceOnDemand: TasksService | undefined;
  private afterRouteOnDemand: TaskBatch | undefined;
  private afterResponseOnDemand: TaskBatch | undefined;

  constructor(private readonly environment: RequestEnvironment) {}

  get service(): TasksService {
    return (this.serviceOnDemand ??= new TasksService(this));
  }

  get afterRoute(): TaskBatch {
    if (this.afterRouteOnDemand === undefined) {
      this.afterRouteOnDemand = this.createBatch('afterRoute');
      this.releaseAfterRoute();
    }
    return this.afterRouteOnDemand;
  }

  get afterResponse(): TaskBatch {
    if (this.afterResponseOnDemand === undefined) {
      this.afterResponseOnDemand = this.createBatch('afterResponse');
      this.releaseAfterResponse();
    }
    return this.afterResponseOnDemand;
  }

  get isEnded(): boolean {
    return this.outcome !== undefined && this.hasResponseEnded;
  }

  /** A task that starts now. */
  start(own: TaskConfig | undefined, func: AnyFunction, args: readonly unknown[]): Task {
    const task = this.create('immediate', own, func, args);
    this.environment.runner.submit(task);
    return task;
  }

  /** The request has passed its guards. */
  enter(route: Route): void {
    this.route = route;
  }

  /** Gets to know what belongs to the request, as far as it is known where the tasks are asked for. */
  meet(response: ServerResponse | undefined, contextId: ContextId | undefined): void {
    if (this.hasResponseEnded) return;
    this.response ??= response;
    this.contextId ??= contextId;
  }

  /** The handler's Observable has emitted a value. */
  emitted(): void {
    this.hasEmitted = true;
    this.releaseAfterRoute();
  }

  /** The route has ended; the first word counts. */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.releaseAfterRoute();
    this.releaseAfterResponse();
  }

  private releaseAfterRoute(): void {
    if (this.afterRouteOnDemand === undefined) return;
    const outcome = this.outcome ?? (this.hasBegunToStream() ? 'success' : undefined);
    if (outcome === undefined) return;
    this.afterRouteOnDemand.settle(outcome);
    this.afterRouteOnDemand.open();
  }

  /** Server-sent events go out one by one; of any other Observable Nest sends the last value when it completes. */
  private hasBegunToStream(): boolean {
    return (
      this.hasEmitted && this.route !== undefined && Reflect.getMetadata(SSE_METADATA, this.route.handler) === true
    );
  }

  private releaseAfterResponse(): void {
    if (this.outcome === undefined) return;
    this.afterResponseOnDemand?.settle(this.outcome);
    if (this.hasResponseEnded) this.afterResponseOnDemand?.open();
  }

  private create(timing: TaskTiming, own: TaskConfig | undefined, func: AnyFunction, args: readonly unknown[]): Task {
    const layer = this.environment.layerOf(this.route);
    const task = this.environment.factory.create({ timing, layer, origin: this }, own, func, args);
    this.watchResponse();
    return task;
  }

  private createBatch(timing: TaskTiming): TaskBatch {
    return new TaskBatch((own, func, args) => this.create(timing, own, func, args), this.environment.runner);
  }

  private watchResponse(): void {
    if (this.isResponseWatched || this.response === undefined) return;
    this.isResponseWatched = true;
    onResponseEnd(this.response, () => this.endResponse());
  }

  private endResponse(): void {
    if (this.hasResponseEnded) return;
    const { response } = this;
    this.hasResponseEnded = true;
    // A long task may keep the service, and with it what Nest made for the request and the response.
    this.response = undefined;
    this.contextId = undefined;
    if (this.route === undefined && response !== undefined) this.settleDenied(response);
    this.releaseAfterResponse();
  }

  /** The response has ended before any handler was reached. */
  private settleDenied(response: ServerResponse): void {
    if (response.writableEnded) {
      this.settle('error'); // a guard has denied it, or a middleware answered
      return;
    }
    // The client has gone while a guard still thinks. If it lets the request pass, the handler decides; if not, the
    // filter's answer to nobody is the only sign that is left: no event is emitted for it.
    onAnswerToNobody(response, () => {
      if (this.route === undefined) this.settle('error');
    });
  }
}
