import type { AddOptions } from '../queue/client/adding-call.js';
import type { TaskConfig } from '../task/task-config.js';

/** Durable task to add, with its arguments and options. */
export interface EnqueueCall {
  /** Options of the addition, not of the durable task. */
  readonly own: TaskConfig | undefined;
  /** Name of the durable task. */
  readonly name: string;
  readonly options: AddOptions;
  readonly args: readonly unknown[];
}
