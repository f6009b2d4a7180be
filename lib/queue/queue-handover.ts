import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TaskHandover } from '../scheduler/task-handover.js';
import { TaskLog } from '../scheduler/task-log.js';
import type { Task } from '../task/task.js';
import { TasksConfigError } from '../task/task-errors.js';
import { DurableRegistry } from './durable-registry.js';
import { encodeArgs } from './payload.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from './queue-options.js';
import { TaskQueue } from './task-queue.js';

/** Adds to the queue what shutdown has cancelled, for another process to run from its beginning. */
@Injectable()
export class QueueHandover extends TaskHandover {
  constructor(
    // Looked up at use: the queue's worker needs what makes tasks, which needs this.
    private readonly modules: ModuleRef,
    private readonly log: TaskLog,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
  ) {
    super();
  }

  override check(func: (...args: never[]) => unknown, args: readonly unknown[]): void {
    encodeArgs(this.nameOf(func), args);
  }

  override async take(tasks: readonly Task[]): Promise<void> {
    if (tasks.length > 0 && this.options.backend === 'memory') {
      this.log.shutdownWarning(
        'Shutdown hands tasks to a queue in memory, which ends with this process: give the option queue.url',
      );
    }
    await Promise.all(tasks.map((task) => this.add(task)));
  }

  private nameOf(func: (...args: never[]) => unknown): string {
    try {
      return this.modules.get(DurableRegistry).require(func).name;
    } catch (cause) {
      throw Object.assign(
        new TasksConfigError('onCancel', 'enqueue', 'for methods with @Durable() alone, which a queue can keep'),
        { cause },
      );
    }
  }

  private async add(task: Task): Promise<void> {
    try {
      const { key } = await this.modules.get(TaskQueue).add(task.func as (...args: unknown[]) => unknown)(...task.args);
      this.log.handedOver(task, key);
    } catch (error) {
      this.log.handoverFailed(task, error);
    }
  }
}
