import { randomUUID } from 'node:crypto';
import type { TraceHeaders } from '../../scheduler/task-tracer.js';
import type { TaskFunction } from '../../task/task-parts.js';
import type { TaskResult } from '../../task/task-result.js';

import type { ArgumentsCall } from './arguments-call.js';
import { ADD_OPTIONS, type AddingCall, type AddOptions, type AnyTask } from './adding-call.js';
import type { ExecutionWriter } from './execution-writer.js';
import { Execution } from './execution.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import type { TaskName } from '../declaration/task-name.js';
import type { FollowUpStore } from './follow-up-store.js';
import { isEnded, type AwaitedExecution, type ExecutionRecord } from '../broker/record.js';

/** Number of executions to whose additions a run links that follows them: their traces lie in its record. */
const MOST_TRACES = 32;

const ADD: AddingCall = { name: 'queue.after(executions).add', options: ADD_OPTIONS };

/**
 * Adds executions that follow others.
 *
 * @publicApi
 */
export class FollowUpQueue {
  /** @internal */
  constructor(
    private readonly executions: readonly Execution[],
    private readonly adder: ExecutionWriter,
    private readonly followUps: FollowUpStore,
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
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add<A extends unknown[], R>(
    task: TaskName<TaskFunction<A, R>>,
    options?: AddOptions,
  ): ArgumentsCall<A, Promise<Execution<TaskResult<R>>>>;
  add(task: string, options?: AddOptions): ArgumentsCall<unknown[], Promise<Execution>>;
  add(
    task: AnyTask,
    options: AddOptions = {},
    ...rest: unknown[]
  ): ArgumentsCall<unknown[], Promise<Execution<never>>> {
    return this.adder.expectArguments(ADD, task, options, rest, async (name, args) => {
      const after: AwaitedExecution[] = [];
      const ended = new Map<number, ExecutionRecord>();
      for (const [at, execution] of this.executions.entries()) {
        const record = Execution.recordOf(execution);
        after.push({ id: record.id, key: record.key, name: record.name, addedAt: record.addedAt });
        if (isEnded(record.state)) ended.set(at, record);
      }
      const key = options.key ?? `after-${randomUUID()}`;
      const follows = this.traces();
      const extras = { after, ...(follows.length > 0 && { trace: { headers: {}, follows } }) };
      const addition = this.adder.describe(name, args, { ...options, key }, extras);
      if (after.length > 0) await this.followUps.expect(key, after, ended);
      const [execution] = await this.adder.add([addition]);
      if (after.length > 0 && execution?.disposition !== 'scheduled') await this.forgetUnless(execution, key, after);
      return execution as Execution<never>;
    });
  }

  /** Returns the traces of the awaited additions, as far as their handles know them. */
  private traces(): TraceHeaders[] {
    return this.executions.slice(0, MOST_TRACES).flatMap((execution) => {
      const { baggage: _baggage, ...headers } = Execution.recordOf(execution).extras?.trace?.headers ?? {};
      return Object.keys(headers).length === 0 ? [] : [headers as TraceHeaders];
    });
  }

  /** Forgets a follow-up that was not added, unless the very same was added before. */
  private async forgetUnless(
    execution: Execution | undefined,
    key: string,
    after: readonly AwaitedExecution[],
  ): Promise<void> {
    const known = execution === undefined ? undefined : Execution.recordOf(execution);
    const isSame = JSON.stringify(known?.extras?.after) === JSON.stringify(after);
    if (!isSame || known?.state === 'dropped') await this.followUps.forget(key, after);
  }
}
