import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../broker/clock.js';
import { TaskCrashedError } from '../broker/queue-errors.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { ExecutionHandles } from '../client/execution-handles.js';
import { DurableRegistry, type DurableTask } from '../declaration/durable-registry.js';
import { decodeArgs } from '../declaration/payload.js';
import { ChainSchedules } from '../rules/chain-schedules.js';
import type { ExecutionRun } from './execution-run.js';
import { RunPerpetual } from './run-perpetual.js';

/** Number of workers that an execution may take with it before it counts as the reason. */
const CRASH_BUDGET = 5;

/** Prepares runs: finds their tasks, and reads what they are called with and on. */
@Injectable()
export class RunPreparation {
  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly schedules: ChainSchedules,
    private readonly executions: ExecutionHandles,
  ) {}

  /** Returns the task of the run; nothing where this process declares none. */
  taskOf(run: ExecutionRun): DurableTask | undefined {
    const durable = this.registry.find(run.name);
    if (durable !== undefined) run.declareAs(durable);
    return durable;
  }

  /**
   * @returns the arguments.
   * @throws what is wrong with them: that is a failure of the run like any other.
   */
  argsOf(run: ExecutionRun, durable: DurableTask): readonly unknown[] {
    const { record, crashes } = run.claim;
    const { perpetual, name, limits } = durable;
    if (perpetual !== undefined) {
      const times = { dueAt: record.since, startedAt: run.startedAt };
      const rule = this.schedules.ruleOf(durable, perpetual, record);
      run.repeatBy(new RunPerpetual(rule, name, record.args, times, this.clock, this.options.maxArgumentSize));
    }
    if (crashes >= CRASH_BUDGET) {
      run.forbidRetry();
      throw new TaskCrashedError(run.name, crashes);
    }
    const args = decodeArgs(record.args);
    if (limits.length > 0) run.limitBy(limits.map((ruleOf) => ruleOf(args)));
    return args;
  }

  /** Returns the instance that the method is called on. */
  hostOf(run: ExecutionRun, durable: DurableTask): object {
    return this.registry.hostOf(durable, () => this.executions.of(run.claim.record));
  }
}
