import type { AddOptions } from '../queue/client/adding-call.js';
import type { TaskConfig } from '../task/task-config.js';

/** A durable task, and how and with what it is added. */
export interface EnqueueCall {
  /** Of the writing, not of the durable task. */
  readonly own: TaskConfig | undefined;
  /** Of the durable task. */
  readonly name: string;
  readonly options: AddOptions;
  readonly args: readonly unknown[];
}
