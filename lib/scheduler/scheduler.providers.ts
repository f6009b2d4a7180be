import type { Provider } from '@nestjs/common';
import { TaskContext } from '../task/task-context.js';
import { Threads } from '../threads/threads.js';
import { BlockingTasks } from './blocking-tasks.js';
import { ErrorHandlers } from './error-handlers.js';
import { ProviderMethods } from './provider-methods.js';
import { ShutdownHooks } from './shutdown-hooks.js';
import { TaskAttempts } from './task-attempts.js';
import { TaskEvents } from './task-events.js';
import { TaskFactory } from './task-factory.js';
import { OpenTasks } from './open-tasks.js';
import { TaskLog } from './task-log.js';
import { TaskRunDecorator } from './task-run-decorator.js';
import { TaskRunner } from './task-runner.js';
import { TaskScheduler } from './task-scheduler.js';
import { RAW_OPTIONS, resolveTasksOptions, TASKS_OPTIONS, type ResolvedTasksOptions } from './tasks-options.js';
import { TasksShutdown } from './tasks-shutdown.js';

/** Tasks of this process. */
export const SCHEDULER_PROVIDERS: readonly Provider[] = [
  { provide: TASKS_OPTIONS, inject: [RAW_OPTIONS], useFactory: resolveTasksOptions },
  TaskContext,
  TaskEvents,
  TaskLog,
  OpenTasks,
  ErrorHandlers,
  ShutdownHooks,
  BlockingTasks,
  TaskRunDecorator,
  TaskAttempts,
  TaskRunner,
  ProviderMethods,
  {
    provide: Threads,
    inject: [TASKS_OPTIONS, TaskLog],
    useFactory: ({ threads }: ResolvedTasksOptions, log: TaskLog) => new Threads(threads, log),
  },
  TaskFactory,
  TaskScheduler,
  TasksShutdown,
];
