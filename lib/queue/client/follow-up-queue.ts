import { randomUUID } from 'node:crypto';
import type { TraceHeaders } from '../../scheduler/task-tracer.js';
import type { TaskFunction } from '../../task/task-parts.js';
import { labelText } from '../../task/log-text.js';
import type { TaskResult } from '../../task/task-result.js';

import type { ArgumentsCall } from './arguments-call.js';
import { ADD_OPTIONS, type AddingCall, type AddOptions, type AnyTask } from './adding-call.js';
import type { Addition, ExecutionWriter } from './execution-writer.js';
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
      await this.requireCommitted(name, options.transaction);
      for (const [at, execution] of this.executions.entries()) {
        const record = Execution.recordOf(execution);
        after.push({ id: record.id, key: record.key, name: record.name, addedAt: record.addedAt });
        if (isEnded(record.state)) ended.set(at, record);
      }
      const key = options.key ?? `after-${randomUUID()}`;
      const follows = this.traces();
      const extras = { after, ...(follows.length > 0 && { trace: { headers: {}, follows } }) };
      const addition = this.adder.describe(name, args, { ...options, key }, extras);
      const { transaction } = options;
      if (transaction !== undefined) return (await this.adder.add([addition], transaction))[0] as Execution<never>;
      return (await addFollowUp(this.adder, this.followUps, addition, key, after, ended)) as Execution<never>;
    });
  }

  /** Looks for executions that a transaction has written: nobody may know them yet, and the broker would not wait for them. */
  private async requireCommitted(task: string, transaction: unknown): Promise<void> {
    if (transaction !== undefined) return;
    const unseen = this.executions.filter((execution) => Execution.recordOf(execution).isUncommitted === true);
    for (const execution of unseen) {
      await execution.refresh();
      if (Execution.recordOf(execution).isUncommitted !== true) continue;
      const allowed = 'executions whose transaction has committed; or pass the same transaction to after(…).add()';
      const what = `execution ${labelText(execution.key)}, whose transaction has not committed`;
      throw new TaskArgumentError(task, 'executions', undefined, allowed, what);
    }
  }

  /** Returns the traces of the awaited additions, as far as their handles know them. */
  private traces(): TraceHeaders[] {
    return this.executions.slice(0, MOST_TRACES).flatMap((execution) => {
      const { baggage: _baggage, ...headers } = Execution.recordOf(execution).extras?.trace?.headers ?? {};
      return Object.keys(headers).length === 0 ? [] : [headers as TraceHeaders];
    });
  }
}

const NONE_ENDED: ReadonlyMap<number, ExecutionRecord> = new Map();

/**
 * Adds an execution that follows others: what it waits for is written down before.
 *
 * @param ended those of which it is known already how they ended, by their place in `after`.
 */
export async function addFollowUp(
  adder: ExecutionWriter,
  followUps: FollowUpStore,
  addition: Addition,
  key: string,
  after: readonly AwaitedExecution[],
  ended = NONE_ENDED,
): Promise<Execution> {
  if (after.length > 0) await followUps.expect(key, after, ended);
  const execution = (await adder.add([addition]))[0] as Execution;
  if (after.length === 0 || execution.disposition === 'scheduled') return execution;
  // It was not added: forgotten, unless the very same was added before.
  const known = Execution.recordOf(execution);
  const isSame = JSON.stringify(known.extras?.after) === JSON.stringify(after);
  if (!isSame || known.state === 'dropped') await followUps.forget(key, after);
  return execution;
}
