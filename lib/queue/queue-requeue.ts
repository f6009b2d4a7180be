import { Inject, Injectable } from '@nestjs/common';
import { ShutdownRequeue } from '../scheduler/shutdown-requeue.js';
import { TaskLog } from '../scheduler/task-log.js';
import { TASK_LINES } from '../task/task-lines.js';
import type { Task } from '../task/task.js';
import { TasksConfigError } from '../task/task-errors.js';
import { DurableRegistry } from './declaration/durable-registry.js';
import { encodeArgs } from './declaration/payload.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from './broker/queue-settings.js';
import { ExecutionWriter } from './client/execution-writer.js';

/** Adds to the queue what shutdown has cancelled, for another process to run from its beginning. */
@Injectable()
export class QueueRequeue extends ShutdownRequeue {
  constructor(
    private readonly registry: DurableRegistry,
    private readonly adder: ExecutionWriter,
    private readonly log: TaskLog,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
  ) {
    super();
  }

  override check(func: (...args: never[]) => unknown, args: readonly unknown[]): void {
    encodeArgs(this.nameOf(func), args, this.options.maxArgumentSize);
  }

  override async take(tasks: readonly Task[]): Promise<void> {
    if (tasks.length > 0 && this.options.backend === 'memory') {
      this.log.write('warn', TASK_LINES.warn.requeuedInMemory());
    }
    await Promise.all(tasks.map((task) => this.add(task)));
  }

  private nameOf(func: (...args: never[]) => unknown): string {
    try {
      return this.registry.require(func).name;
    } catch (cause) {
      throw Object.assign(new TasksConfigError('onCancel', 'enqueue', "'enqueue' only for methods with @Durable()"), {
        cause,
      });
    }
  }

  private async add(task: Task): Promise<void> {
    try {
      const { name } = this.registry.require(task.func);
      // In its own context, which carriers capture.
      const { key } = await task.scope.runInAsyncScope(() => this.adder.addOne(name, task.args, {}));
      this.log.requeued(task, key);
    } catch (error) {
      this.log.requeueFailed(task, error);
    }
  }
}
