import type { TaskQueueOptions } from './queue/queue-options.js';
import type { SchedulerOptions } from './scheduler/tasks-options.js';

/**
 * What `TasksModule.forRoot()` takes. The fields of {@link TaskConfig} are the weakest layer of every task's options.
 *
 * @publicApi
 */
export interface TasksModuleOptions extends SchedulerOptions {
  /** Makes the providers injectable in every module without importing the module there. Default `true`. */
  isGlobal?: boolean | undefined;
  /** Where durable tasks are kept, and whether this process runs them. Default: in memory, and it does. */
  queue?: TaskQueueOptions | undefined;
}
