import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { Execution } from '../queue/client/execution.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import { createDeferred } from '../task/deferred.js';
import { mergeTaskConfig, type TaskConfig } from '../task/task-config.js';
import { currentTask } from '../task/task-context.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { Task } from '../task/task.js';
import type { EnqueueCall } from './enqueue-call.js';
import { EnqueueGroup, type EnqueueGroups } from './enqueue-groups.js';
import { isDueOn, reasonToDiscard, type RouteOutcome } from './route-outcome.js';
import type { TaskBatch } from './task-batch.js';

/** Dependencies of the additions. */
export interface EnqueuingHandler {
  readonly writer: ExecutionWriter;
  readonly runner: TaskRunner;
  readonly groups: EnqueueGroups;
  /** Creates a task that no pool limits. */
  createUnlimited(
    timing: TaskTiming,
    config: TaskConfig,
    work: () => Promise<Execution>,
    args: readonly unknown[],
  ): Task<Execution>;
}

/** Addition, with its result before its `onError` has settled: the response does not wait for `onError`. */
interface Writing {
  readonly task: Task<Execution>;
  readonly accepted: Promise<Execution>;
}

/**
 * Options of an addition: of the handler's and the module's, only `onError` applies. It is shielded and has no timeout,
 * since an abandoned one may take place all the same.
 */
const WRITING: TaskConfig = { shield: true, timeout: null, onCancel: null, pool: null };

/**
 * Additions of one handler to the queue, together for each moment. Every addition is a task, so it is counted, logged,
 * discarded and awaited like all others.
 */
export class Enqueues {
  /** Additions that the response waits for. */
  private held: Writing[] = [];
  private outcome: RouteOutcome | undefined;

  constructor(private readonly handler: EnqueuingHandler) {}

  /** True where the response has additions to wait for. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  now(call: EnqueueCall): Promise<Execution> {
    const { task, accepted } = this.create(
      'immediate',
      call,
      new EnqueueGroup(this.handler.writer, call.options.transaction),
    );
    this.handler.runner.start(task);
    return accepted;
  }

  /** Adds before the response, which waits. */
  beforeReply(call: EnqueueCall): Task<Execution> {
    const writing = this.create('afterRoute', call, this.handler.groups.afterRoute);
    if (this.outcome === undefined) this.held.push(writing);
    else this.decide(writing.task, this.outcome);
    return writing.task;
  }

  /** Adds at the moment of `batch`. */
  afterResponse(call: EnqueueCall, batch: TaskBatch): Task<Execution> {
    const { task } = this.create('afterResponse', call, this.handler.groups.afterResponse);
    batch.hold(task);
    return task;
  }

  /**
   * Adds the executions that the response waits for, after the handler's success.
   *
   * @returns undefined without additions; else a promise that rejects with the cause of a refusal.
   */
  accept(): Promise<void> | undefined {
    const due = this.held.filter(({ task }) => task.config.runOn !== 'error');
    if (due.length === 0) return undefined;
    this.held = this.held.filter(({ task }) => task.config.runOn === 'error'); // due if a refusal fails the route
    for (const { task } of due) this.handler.runner.submit(task);
    return Promise.all(due.map(({ accepted }) => accepted)).then(() => {});
  }

  /** Decides on the additions at the end of the route. */
  settle(outcome: RouteOutcome): void {
    this.outcome = outcome;
    const { held } = this;
    this.held = [];
    for (const { task } of held) this.decide(task, outcome);
  }

  private decide(task: Task<Execution>, outcome: RouteOutcome): void {
    if (isDueOn(outcome, task)) this.handler.runner.submit(task);
    else this.handler.runner.discard(task, reasonToDiscard(outcome));
  }

  private create(timing: TaskTiming, { own, name, options, args }: EnqueueCall, group: EnqueueGroup): Writing {
    const addition = this.handler.writer.describe(name, args, options);
    const accepted = createDeferred<Execution>();
    const title = `enqueue ${name}`;
    const { [title]: write } = {
      // The name in logs and metrics.
      [title]: (): Promise<Execution> => {
        const written = group.add(addition);
        written.then(accepted.resolve, accepted.reject);
        // On a timeout of its own it counts as refused, even if it takes place later.
        const { config, signal } = currentTask();
        if (config.timeout !== undefined) signal.addEventListener('abort', () => accepted.reject(signal.reason));
        return written;
      },
    };
    const task = this.handler.createUnlimited(timing, mergeTaskConfig(WRITING, own ?? {}), write!, args);
    task.state.started.catch(accepted.reject);
    return { task, accepted: accepted.promise };
  }
}
