import type { TaskQueueOptions } from './queue/queue-options.js';
import type { SchedulerOptions } from './scheduler/tasks-options.js';

/**
 * Options of `TasksModule.forRoot()`. The fields of {@link TaskConfig} are the weakest layer of every task's options.
 *
 * @publicApi
 */
export interface TasksModuleOptions extends SchedulerOptions {
  /** Makes the providers injectable in every module without importing the module there. Default `true`. */
  isGlobal?: boolean | undefined;
  /** Storage of durable tasks, and their worker in this process. Default: in memory, with a worker. */
  queue?: TaskQueueOptions | undefined;
}
