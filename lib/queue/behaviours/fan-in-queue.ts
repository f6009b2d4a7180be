import { randomUUID } from 'node:crypto';
import type { TaskFunction } from '../../task/task-parts.js';
import type { TaskResult } from '../../task/task-result.js';
import { isEnded, type AwaitedExecution, type ExecutionRecord } from '../brokers/broker.js';
import type { AddOptions, AnyTask, ExecutionAdder } from '../execution-adder.js';
import { Execution } from '../execution.js';
import { TaskArgumentError } from '../queue-errors.js';
import type { FanIns } from './fan-ins.js';

/**
 * Adds executions that follow others.
 *
 * @publicApi
 */
export class FanInQueue {
  /** @internal */
  constructor(
    private readonly executions: readonly Execution[],
    private readonly adder: ExecutionAdder,
    private readonly fanIns: FanIns,
  ) {
    if (!Array.isArray(executions) || executions.some((execution) => !(execution instanceof Execution))) {
      throw new TaskArgumentError('after()', 'executions', executions, 'a list of what queue.add() has resolved to');
    }
  }

  /**
   * Records an execution that runs once when all the others have ended, and not before its own `when`. Until then it is
   * parked. Otherwise like `queue.add()`.
   */
  add<A extends unknown[], R>(
    task: TaskFunction<A, R>,
    options?: AddOptions,
  ): (...args: A) => Promise<Execution<TaskResult<R>>>;
  add(task: string, options?: AddOptions): (...args: unknown[]) => Promise<Execution>;
  add(task: AnyTask, options: AddOptions = {}): (...args: unknown[]) => Promise<Execution<never>> {
    const name = this.adder.nameOf(task, options.remote === true);
    return async (...args) => {
      const after: AwaitedExecution[] = [];
      const ended = new Map<number, ExecutionRecord>();
      for (const [at, execution] of this.executions.entries()) {
        const record = Execution.recordOf(execution);
        after.push({ key: record.key, name: record.name, addedAt: record.addedAt });
        if (isEnded(record.state)) ended.set(at, record);
      }
      const key = options.key ?? `after-${randomUUID()}`;
      const addition = this.adder.describe(name, args, { ...options, key }, { after });
      if (after.length > 0) await this.fanIns.expect(key, after, ended);
      const [execution] = await this.adder.add([addition]);
      if (after.length > 0 && execution?.disposition !== 'scheduled') await this.forgetUnless(execution, key, after);
      return execution as Execution<never>;
    };
  }

  /** Nothing was added; but the very same may have been before. */
  private async forgetUnless(
    execution: Execution | undefined,
    key: string,
    after: readonly AwaitedExecution[],
  ): Promise<void> {
    const known = execution === undefined ? undefined : Execution.recordOf(execution);
    const isSame = JSON.stringify(known?.extras?.after) === JSON.stringify(after);
    if (!isSame || known?.state === 'dropped') await this.fanIns.forget(key, after);
  }
}
