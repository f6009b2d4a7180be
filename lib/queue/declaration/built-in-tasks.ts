import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable } from '../../decorators/durable.decorator.js';
import { Logged } from '../../decorators/logged.decorator.js';
import { labelText } from '../../task/log-text.js';
import { LogWriter } from '../../task/log-writer.js';
import { TaskContext } from '../../task/task-context.js';

const TRACE = 'tasks.trace';
const FAIL = 'tasks.fail';
const SLEEP = 'tasks.sleep';
/** Tasks of `queue.retryAll()` and `queue.forgetAll()`, which every worker has. */
export const RETRY_ALL = 'tasks.retryAll';
export const FORGET_ALL = 'tasks.forgetAll';

/** Names of the built-in tasks: they are no tasks of the application's. */
export const BUILT_IN_NAMES: ReadonlySet<string> = new Set([TRACE, FAIL, SLEEP, RETRY_ALL, FORGET_ALL]);

/** Tasks that an application has without declaring them, where `queue.builtInTasks` is not off. */
@Injectable()
export class BuiltInTasks {
  private readonly log = new LogWriter(BuiltInTasks.name);

  constructor(private readonly context: TaskContext) {}

  /** Leaves a line in the log of the worker that runs it. */
  @Durable(TRACE)
  trace(@Logged() message: string): void {
    this.log.write('log', `${String(message)} (${labelText(this.context.key)})`);
  }

  /** Fails with the message. */
  @Durable(FAIL)
  fail(@Logged() message: string): never {
    throw new Error(String(message));
  }

  /** Ends after so many milliseconds, or when it is cancelled. */
  @Durable(SLEEP)
  async sleep(@Logged() ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.context.signal });
  }
}

/**
 * Built-in tasks, to mark milestones, and to try out a queue and what watches over it: `trace(message)` logs a line,
 * `fail(message)` fails, `sleep(ms)` takes its time. In production they are there only with `queue: { builtInTasks: true }`.
 *
 * @example
 * ```ts
 * await this.queue.add(tasks.trace)('System startup completed');
 * await this.queue.add(tasks.fail)('Testing error notification system');
 * ```
 * @publicApi
 */
export const tasks: Pick<BuiltInTasks, 'trace' | 'fail' | 'sleep'> = BuiltInTasks.prototype;

const BUILT_IN_FUNCTIONS: ReadonlySet<unknown> = new Set([tasks.trace, tasks.fail, tasks.sleep]);

/** @param task a name or a method. */
export function isBuiltIn(task: unknown): boolean {
  return BUILT_IN_FUNCTIONS.has(task) || (typeof task === 'string' && BUILT_IN_NAMES.has(task));
}
