import { Inject, Injectable } from '@nestjs/common';
import { TaskFactory } from '../scheduler/task-factory.js';
import { TaskRunner } from '../scheduler/task-runner.js';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../scheduler/tasks-options.js';
import { describeValue } from '../task/task-errors.js';
import type { TaskOutcome } from '../task/task-outcome.js';
import type { TaskCall } from '../task/task-parts.js';
import { Doorkeeper } from './behaviours/doorkeeper.js';
import { RunPerpetual } from './behaviours/run-perpetual.js';
import type { Settlement } from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { DurableRegistry, type DurableTask } from './durable-registry.js';
import { Executions } from './executions.js';
import type { ExecutionRun } from './execution-run.js';
import { decodeArgs, encodeResult, storeError } from './payload.js';
import { TaskCrashedError } from './queue-errors.js';
import { QueueLog } from './queue-log.js';
import { UnknownTasks } from './unknown-tasks.js';

/** How often an execution may take its worker with it before it counts as the reason. */
const CRASH_BUDGET = 5;

/** Runs a claimed execution as a task of this process, and tells how it is to be settled. */
@Injectable()
export class ExecutionRunner {
  constructor(
    @Inject(TASKS_OPTIONS) private readonly options: ResolvedTasksOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly unknownTasks: UnknownTasks,
    private readonly doorkeeper: Doorkeeper,
    private readonly executions: Executions,
    private readonly factory: TaskFactory,
    private readonly runner: TaskRunner,
    private readonly log: QueueLog,
  ) {}

  /** @returns nothing when the run is not to be settled: its lease is lost, or its function goes on into the shutdown. */
  async run(run: ExecutionRun): Promise<Settlement | undefined> {
    const { claim, name, key } = run;
    if (claim.cancellation !== undefined) return { type: 'cancel', reason: claim.cancellation };
    const durable = this.registry.find(name);
    if (durable === undefined) return this.unknownTasks.settlementOf(run);
    run.durable = durable;
    const call = await this.prepare(run, durable);
    if (run.cancellation !== undefined) return { type: 'cancel', reason: run.cancellation };
    if ('type' in call) return call;
    if (run.isUnwanted) return { type: 'release', reason: 'shutdown' };
    const task = this.factory.createRun(run, durable.config, call);
    run.task = task;
    this.log.started(durable.call, call.args, run);
    this.runner.submit(task);
    const outcome = await task.done;
    await run.progress.end();
    if (run.isLeaseLost) return undefined;
    const settlement = this.goOn(run, this.settlementOf(run, outcome));
    if (!run.isGivenUp) return settlement;
    // Given up by shutdown, it keeps its lease until the process lets go of it: its function still runs.
    if (settlement.type === 'release') return undefined;
    if (!(await this.unwinds(run))) this.log.overlapping(name, key, this.options.shutdown.gracePeriod);
    return run.isLeaseLost ? undefined : settlement;
  }

  /**
   * What goes wrong before the function can be called is a failure of the run like any other.
   *
   * @returns what is to be called, or why it must not be.
   */
  private async prepare(run: ExecutionRun, durable: DurableTask): Promise<TaskCall | Settlement> {
    const { record, crashes } = run.claim;
    const { perpetual, name } = durable;
    if (perpetual !== undefined) {
      const times = { dueAt: record.since, startedAt: run.startedAt };
      run.perpetual = new RunPerpetual(perpetual, name, record.args, times, this.clock);
    }
    let args: readonly unknown[] = [];
    try {
      if (crashes >= CRASH_BUDGET) {
        run.isLast = true;
        throw new TaskCrashedError(run.name, crashes);
      }
      args = decodeArgs(record.args);
      run.gates = durable.gates.map((ruleOf) => ruleOf(args));
    } catch (error) {
      return { func: failWith(error), args: [], host: undefined };
    }
    const turnedAway = await this.doorkeeper.turnAway(run, durable, args);
    if (turnedAway !== undefined) return turnedAway;
    try {
      const host = await this.registry.hostOf(durable, () => this.executions.of(record));
      return { func: durable.func, args, host: () => host };
    } catch (error) {
      return { func: failWith(error), args: [], host: undefined };
    }
  }

  /** A perpetual task runs again, however this run has ended: but not before its retries, and not when it was cancelled. */
  private goOn(run: ExecutionRun, settlement: Settlement): Settlement {
    if (settlement.type !== 'complete' && settlement.type !== 'fail') return settlement;
    if (run.cancellation !== undefined) return settlement; // it did not stop for that, but it ends here
    const next = run.perpetual?.next;
    if (next === undefined) return settlement;
    return { type: 'reschedule', ...next, ...(settlement.type === 'fail' && { error: settlement.error }) };
  }

  /** Whether the function stops within the grace period. */
  private async unwinds(run: ExecutionRun): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), this.options.shutdown.gracePeriod);
    });
    const hasUnwound = await Promise.race([run.unwound.then(() => true), grace]);
    clearTimeout(timer);
    return hasUnwound;
  }

  private settlementOf(run: ExecutionRun, outcome: TaskOutcome): Settlement {
    const { name, task, cancellation } = run;
    if (outcome.status === 'succeeded') return { type: 'complete', result: encodeResult(name, outcome.value) };
    if (cancellation !== undefined) return { type: 'cancel', reason: cancellation };
    if (outcome.status === 'failed') return this.settlementOfFailure(run, outcome.error);
    const reason = task?.life.cancellation?.reason;
    if (outcome.status === 'discarded' || reason === 'shutdown') return { type: 'release', reason: 'shutdown' };
    return { type: 'cancel', reason: reason === undefined ? 'by the task itself' : describeValue(reason) };
  }

  private settlementOfFailure(run: ExecutionRun, error: unknown): Settlement {
    const stored = storeError(error);
    if (!run.willRetry(error) || run.durable === undefined) return { type: 'fail', error: stored };
    const delay = run.durable.retry.delayAfter(run.attempt);
    return { type: 'retry', at: this.clock.now() + delay, error: stored };
  }
}

function failWith(error: unknown): () => never {
  return () => {
    throw error;
  };
}
