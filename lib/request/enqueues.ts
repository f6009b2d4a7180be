import type { AddOptions } from '../queue/execution-adder.js';
import type { Execution } from '../queue/execution.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import { createDeferred } from '../task/deferred.js';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { Task } from '../task/task.js';
import { EnqueueGroup, type Enqueuer } from './enqueuer.js';
import type { RouteOutcome, TaskBatch } from './task-batch.js';

/** A durable task, and how and with what it is added. */
export interface EnqueueCall {
  /** Of the writing, not of the durable task. */
  readonly own: TaskConfig | undefined;
  /** Of the durable task. */
  readonly name: string;
  readonly options: AddOptions;
  readonly args: readonly unknown[];
}

/** What is needed of the handler that enqueues. */
export interface EnqueuingHandler {
  readonly enqueuer: Enqueuer;
  readonly runner: TaskRunner;
  /** Makes a task that no pool limits. */
  createUnlimited(timing: TaskTiming, config: TaskConfig, work: () => Promise<unknown>): Task;
  createBatch(timing: 'afterRoute'): TaskBatch;
}

/**
 * What one handler adds to the queue, those of each moment in one step. Each addition is a task, so that it is counted,
 * logged, discarded and awaited like all others.
 */
export class Enqueues {
  /** What the response waits for. */
  private readonly acceptance: TaskBatch;
  private readonly groups: Record<'afterRoute' | 'afterResponse', EnqueueGroup>;
  private awaited: Promise<unknown>[] = [];
  private isSettled = false;

  constructor(private readonly handler: EnqueuingHandler) {
    this.acceptance = handler.createBatch('afterRoute');
    const { enqueuer } = handler;
    this.groups = { afterRoute: new EnqueueGroup(enqueuer), afterResponse: new EnqueueGroup(enqueuer) };
  }

  now(call: EnqueueCall): Promise<Execution<never>> {
    const group = new EnqueueGroup(this.handler.enqueuer);
    const { task, accepted } = this.create('immediate', call, group);
    this.handler.runner.start(task);
    return accepted;
  }

  /** Before the response, which waits. */
  beforeReply(call: EnqueueCall): Promise<Execution<never>> {
    const { task, accepted } = this.create('afterRoute', call, this.groups.afterRoute);
    const isAwaited = !this.isSettled && task.config.runOn !== 'error';
    if (isAwaited) this.awaited.push(accepted);
    this.acceptance.hold(task);
    return accepted;
  }

  /** When `batch` has its moment. */
  afterResponse(call: EnqueueCall, batch: TaskBatch): Promise<Execution<never>> {
    const { task, accepted } = this.create('afterResponse', call, this.groups.afterResponse);
    batch.hold(task);
    return accepted;
  }

  /**
   * The handler has succeeded: adds what is to be accepted before the response.
   *
   * @returns nothing if there is nothing; else a promise that rejects with the cause when it was refused.
   */
  accept(): Promise<void> | undefined {
    const { awaited } = this;
    if (awaited.length === 0) return undefined;
    this.awaited = [];
    this.open('success');
    return Promise.all(awaited).then(() => {});
  }

  /** The route has ended. */
  settle(outcome: RouteOutcome): void {
    this.isSettled = true;
    this.open(outcome);
  }

  private open(outcome: RouteOutcome): void {
    this.acceptance.settle(outcome);
    this.acceptance.open();
  }

  /** @returns beside the task, what is known before its `onError` has settled: the response does not wait for that. */
  private create(
    timing: TaskTiming,
    { own, name, options, args }: EnqueueCall,
    group: EnqueueGroup,
  ): { task: Task; accepted: Promise<Execution<never>> } {
    const addition = this.handler.enqueuer.describe(name, options, args);
    const accepted = createDeferred<Execution<never>>();
    const title = `enqueue ${name}`;
    const { [title]: write } = {
      // Under this name, as any function, it is in logs and metrics.
      [title]: (): Promise<Execution> => {
        const written = group.add(addition);
        written.then((execution) => accepted.resolve(execution as Execution<never>), accepted.reject);
        return written;
      },
    };
    // Shielded, since a writing that is cut off may take place all the same.
    const config = mergeTaskConfig({ shield: true }, own ?? {});
    const task = this.handler.createUnlimited(timing, config, write!);
    task.started.catch(accepted.reject);
    return { task, accepted: accepted.promise };
  }
}
