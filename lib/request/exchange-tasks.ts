import type { ContextId } from '@nestjs/core';
import type { Execution } from '../queue/client/execution.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import { currentOwner, type BatchOwner } from './batch-owner.js';
import type { EnqueueCall } from './enqueue-call.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { RequestEnvironment } from './exchange.js';
import { replyUnderway } from './request-errors.js';
import type { Route } from './route.js';
import type { RoutedExchange, RouteRun } from './route-run.js';
import type { TaskBatch } from './task-batch.js';
import { TasksService, type TaskTimings } from './tasks.service.js';

const NONE: readonly Task[] = [];

/** Tasks of a request, an operation or a message: one service, and the runs of the routes that answer. */
export abstract class ExchangeTasks implements RoutedExchange, TaskTimings {
  contextId: ContextId | undefined = undefined;
  hasEnded = false;
  protected readonly runs: RouteRun[] = [];
  private serviceOnDemand: TasksService | undefined = undefined;

  constructor(readonly environment: RequestEnvironment) {}

  abstract readonly status: number | undefined;
  abstract readonly readsGenerators: boolean;
  abstract readonly isEndForetold: boolean;

  /** True when after-route tasks wait for no further route. */
  abstract readonly isOver: boolean;

  get service(): TasksService {
    return (this.serviceOnDemand ??= new TasksService(this));
  }

  get writer(): ExecutionWriter {
    return this.environment.writer;
  }

  get afterRoute(): TaskBatch {
    return this.current.afterRoute;
  }

  get afterResponse(): TaskBatch {
    return this.current.afterResponse;
  }

  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    return this.current.start(own, work, args);
  }

  enqueue(call: EnqueueCall): Promise<Execution> {
    return this.current.enqueue(call);
  }

  abstract beforeBatch(): void;
  abstract watchReply(): void;
  abstract isReplyUnderway(route: Route | undefined, hasEmitted: boolean): boolean;
  abstract isStreaming(route: Route | undefined): boolean;
  abstract needsValue(route: Route | undefined): boolean;
  /** Reports the end of the reply. */
  abstract end(): void;
  abstract routeEnded(run: RouteRun): void;
  abstract decided(owner: BatchOwner): void;

  beforeEnqueue(route: Route | undefined, hasEmitted: boolean): void {
    if (this.isReplyUnderway(route, hasEmitted)) throw replyUnderway();
    this.beforeBatch();
  }

  begin(owners: readonly BatchOwner[]): boolean {
    return this.submit(owners, (owner) => owner.takeAfterRoute());
  }

  /** Owner for code whose async context names none of this exchange. */
  protected abstract readonly elsewhere: BatchOwner;

  /** Starts the due tasks of the settled owners. */
  protected release(owners: readonly BatchOwner[]): void {
    this.submit(owners, (owner) => (owner.isSettled ? owner.takeAfterRoute() : NONE));
    if (this.hasEnded) this.releaseAfterResponse(owners);
  }

  protected releaseAfterResponse(owners: readonly BatchOwner[]): void {
    this.submit(owners, (owner) => (owner.isSettled ? owner.takeAfterResponse() : NONE));
  }

  /** Starts due tasks in the order in which they were scheduled, across owners. @returns true if there are any. */
  private submit(owners: readonly BatchOwner[], take: (owner: BatchOwner) => readonly Task[]): boolean {
    let due = NONE;
    for (const owner of owners) {
      const tasks = take(owner);
      if (due.length === 0) due = tasks;
      else if (tasks.length > 0) due = [...due, ...tasks].toSorted((one, other) => Number(one.id) - Number(other.id));
    }
    for (const task of due) this.environment.runner.submit(task);
    return due.length > 0;
  }

  private get current(): BatchOwner {
    const owner = currentOwner();
    return owner?.exchange === this ? owner : this.elsewhere;
  }
}
