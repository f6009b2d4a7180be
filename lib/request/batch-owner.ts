import { AsyncLocalStorage } from 'node:async_hooks';
import type { ContextId } from '@nestjs/core';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { Execution } from '../queue/client/execution.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { TaskConfig } from '../task/task-config.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { TaskKind, TaskOrigin, TaskWork } from '../task/task-parts.js';
import type { Task } from '../task/task.js';
import type { EnqueueCall } from './enqueue-call.js';
import type { EnqueueGroups } from './enqueue-groups.js';
import { Enqueues } from './enqueues.js';
import type { Exchange } from './exchange.js';
import type { Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';
import { TaskBatch, type BatchTasks, type BatchTiming } from './task-batch.js';
import type { TasksService, TaskTimings } from './tasks.service.js';

const storage = new AsyncLocalStorage<BatchOwner>();

/** Returns the owner in the current async context. */
export function currentOwner(): BatchOwner | undefined {
  return storage.getStore();
}

/**
 * Two batches and the additions to the queue, with the outcome that decides on them. After-route tasks start when the
 * outcome is known; after-response tasks when the response has ended too. Either may come first: a reply through
 * `@Res()` ends before its handler, and so does a response whose client has gone.
 *
 * Made for every request, so it must cost next to nothing until the first task is scheduled.
 */
export abstract class BatchOwner implements TaskOrigin, TaskTimings, BatchTasks {
  protected outcome: RouteOutcome | undefined = undefined;
  /** Status of the reply at the success. */
  protected statusAtSuccess: number | undefined = undefined;
  protected hasEmitted = false;
  private isRouteOver = false;
  private isReplyOver = false;
  private afterRouteOnDemand: TaskBatch | undefined = undefined;
  private afterResponseOnDemand: TaskBatch | undefined = undefined;
  private enqueuesOnDemand: Enqueues | undefined = undefined;

  constructor(readonly exchange: Exchange) {}

  abstract readonly route: Route | undefined;

  abstract readonly isCallerOpen: boolean;

  protected abstract readonly enqueueGroups: EnqueueGroups;

  /** Service of the request. */
  get service(): TasksService {
    return this.exchange.service;
  }

  get contextId(): ContextId | undefined {
    return this.exchange.contextId;
  }

  get writer(): ExecutionWriter {
    return this.exchange.environment.writer;
  }

  get runner(): TaskRunner {
    return this.exchange.environment.runner;
  }

  get afterRoute(): TaskBatch {
    if (this.afterRouteOnDemand === undefined) {
      this.exchange.beforeBatch();
      this.afterRouteOnDemand = new TaskBatch(this, 'afterRoute');
      if (this.isRouteOver) this.afterRouteOnDemand.take();
      if (this.outcome !== undefined || this.isRouteOver) this.afterRouteOnDemand.settle(this.outcome ?? 'success');
    }
    return this.afterRouteOnDemand;
  }

  get afterResponse(): TaskBatch {
    if (this.afterResponseOnDemand === undefined) {
      this.exchange.beforeBatch();
      this.afterResponseOnDemand = new TaskBatch(this, 'afterResponse');
      if (this.isReplyOver) this.afterResponseOnDemand.take();
      this.settleAfterResponse();
    }
    return this.afterResponseOnDemand;
  }

  /** True when the outcome is known. */
  get isSettled(): boolean {
    return this.outcome !== undefined;
  }

  get hasFailed(): boolean {
    return this.outcome === 'error';
  }

  get isEnded(): boolean {
    return this.isSettled && this.exchange.hasEnded;
  }

  /** Runs `func`; every task that it schedules, also indirectly, belongs to this owner. */
  runAs<R>(func: () => R): R {
    return storage.run(this, func);
  }

  /** Starts a task now. */
  start(own: TaskConfig | undefined, work: TaskWork, args: readonly unknown[]): Task {
    const task = this.create('immediate', own, work, args);
    this.runner.start(task);
    return task;
  }

  /** Adds a durable task now. With own options the addition is a task, so that its `onError` handles a refusal. */
  enqueue(call: EnqueueCall): Promise<Execution> {
    const { own, name, args, options } = call;
    return own === undefined ? this.writer.addOne(name, args, options) : this.enqueues.now(call);
  }

  create(
    timing: TaskTiming,
    own: TaskConfig | undefined,
    work: TaskWork,
    args: readonly unknown[],
    kind: TaskKind = 'user',
  ): Task {
    const { factory } = this.exchange.environment;
    const layer = this.exchange.environment.layerOf(this.route);
    const task = factory.create({ timing, layer, origin: this, kind }, own, work, args);
    this.exchange.watchReply();
    return task;
  }

  createEnqueue(timing: BatchTiming, call: EnqueueCall): Task<Execution> {
    if (timing === 'afterResponse') return this.enqueues.afterResponse(call, this.afterResponse);
    // A late addition is written at once, as all late ones are.
    if (!this.isSettled) this.exchange.beforeEnqueue(this.route, this.hasEmitted);
    return this.enqueues.beforeReply(call);
  }

  /**
   * Adds the executions that the response waits for.
   *
   * @returns undefined without additions; else a promise that rejects with the cause of a refusal.
   */
  accept(): Promise<void> | undefined {
    return this.enqueuesOnDemand?.accept();
  }

  /** True where the response has additions to wait for. */
  get isHolding(): boolean {
    return this.enqueuesOnDemand?.isHolding === true;
  }

  /** Decides on both batches and the additions. The first outcome counts. */
  settle(outcome: RouteOutcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.statusAtSuccess ??= this.exchange.status;
    this.enqueuesOnDemand?.settle(outcome);
    this.afterRouteOnDemand?.settle(outcome);
    this.settleAfterResponse();
  }

  /** Opens the after-route batch. @returns its due tasks, for the caller to start. */
  takeAfterRoute(): Task[] {
    this.isRouteOver = true;
    this.afterRouteOnDemand?.settle(this.outcome ?? 'success'); // undecided: its first value is about to be sent
    return this.afterRouteOnDemand?.take() ?? [];
  }

  /** Opens the after-response batch. @returns its due tasks, for the caller to start. */
  takeAfterResponse(): Task[] {
    this.isReplyOver = true;
    this.settleAfterResponse();
    return this.afterResponseOnDemand?.take() ?? [];
  }

  /** Settles the after-response batch. A success is final only when the response has ended: sending it may fail. */
  private settleAfterResponse(): void {
    const { outcome } = this;
    if (outcome === 'error') this.afterResponseOnDemand?.settle(outcome);
    else if (outcome === 'success' && this.isReplyOver) {
      this.afterResponseOnDemand?.settle(this.hasTurnedIntoError() ? 'error' : outcome);
    }
  }

  private hasTurnedIntoError(): boolean {
    const { status } = this.exchange;
    return status !== undefined && status >= 400 && this.statusAtSuccess !== undefined && this.statusAtSuccess < 400;
  }

  private get enqueues(): Enqueues {
    if (this.enqueuesOnDemand === undefined) {
      this.enqueuesOnDemand = new Enqueues({
        writer: this.writer,
        runner: this.runner,
        groups: this.enqueueGroups,
        createUnlimited: (timing, config, work, args) =>
          this.create(timing, config, work, args, 'enqueue') as Task<Execution>,
      });
      if (this.outcome !== undefined) this.enqueuesOnDemand.settle(this.outcome);
    }
    return this.enqueuesOnDemand;
  }
}
