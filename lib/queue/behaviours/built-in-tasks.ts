import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Durable } from '../../decorators/durable.decorator.js';
import { Logged } from '../../decorators/logged.decorator.js';
import { TaskContext } from '../../task/task-context.js';

const TRACE = 'tasks.trace';
const FAIL = 'tasks.fail';
const SLEEP = 'tasks.sleep';

/** Their names: they are always there, and no tasks of the application's. */
export const BUILT_IN_NAMES: ReadonlySet<string> = new Set([TRACE, FAIL, SLEEP]);

/** The tasks that every application has. */
@Injectable()
export class BuiltInTasks {
  private readonly logger = new Logger(BuiltInTasks.name);

  constructor(private readonly context: TaskContext) {}

  /** Leaves a line in the log of the worker that runs it. */
  @Durable(TRACE)
  trace(@Logged() message: string): void {
    this.logger.log(`${String(message)} (${this.context.key})`);
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
 * Tasks that every application has, to mark milestones, and to try out a queue and what watches over it: `trace(message)`
 * logs a line, `fail(message)` fails, `sleep(ms)` takes its time.
 *
 * @example
 * ```ts
 * await this.queue.add(tasks.trace)('System startup completed');
 * await this.queue.add(tasks.fail)('Testing error notification system');
 * ```
 * @publicApi
 */
export const tasks: Pick<BuiltInTasks, 'trace' | 'fail' | 'sleep'> = BuiltInTasks.prototype;
