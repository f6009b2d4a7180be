import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { DeclaredTasks } from '../operations/declared-tasks.js';
import { FleetActions } from '../operations/fleet-actions.js';
import { FleetViews } from '../operations/fleet-views.js';
import { CLOCK, type Clock } from '../queue/broker/clock.js';
import { QUEUE_OPTIONS, type QueueBackend, type ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { DurableRegistry } from '../queue/declaration/durable-registry.js';
import { TaskQueue } from '../queue/task-queue.js';
import { TaskScheduler } from '../scheduler/task-scheduler.js';
import { moduleMissing } from '../task/usage-errors.js';

const PLACES: Readonly<Record<QueueBackend, string>> = {
  memory: 'in memory',
  redis: 'on Redis',
  postgres: 'on PostgreSQL',
};

/**
 * Tasks of the application, found in its tasks module: that need not be global. Nothing is connected until somebody looks.
 */
@Injectable()
export class DashboardFleet implements OnModuleInit {
  views!: FleetViews;
  actions!: FleetActions;
  scheduler!: TaskScheduler;
  /** Queue with its place, such as `tasks on Redis`. */
  label!: string;

  constructor(private readonly modules: ModuleRef) {}

  /** @throws {TasksUsageError} `TASKS_MODULE_MISSING` */
  onModuleInit(): void {
    const queue = this.find<TaskQueue>(TaskQueue);
    const clock = this.find<Clock>(CLOCK);
    this.views = new FleetViews(queue, new DeclaredTasks(this.find<DurableRegistry>(DurableRegistry)), clock);
    this.actions = new FleetActions(queue, clock);
    this.scheduler = this.find<TaskScheduler>(TaskScheduler);
    const { name, backend } = this.find<ResolvedQueueOptions>(QUEUE_OPTIONS);
    this.label = `${name} ${PLACES[backend]}`;
  }

  private find<T>(token: Parameters<ModuleRef['get']>[0]): T {
    try {
      return this.modules.get<T>(token as never, { strict: false });
    } catch {
      throw moduleMissing('TasksDashboardModule finds no TasksModule');
    }
  }
}
