import type { LogStore } from '../broker.js';
import type { MemoryExecution } from './memory-execution.js';
import type { MemoryQueue } from './memory-queue.js';

/** Lines of runs of a memory broker: forgotten with their execution. */
export class MemoryLogs implements LogStore {
  private readonly texts = new WeakMap<MemoryExecution, string>();

  constructor(private readonly queue: MemoryQueue) {}

  write(id: string, text: string): Promise<void> {
    const execution = this.queue.executions.find(id);
    if (execution !== undefined && text >= (this.texts.get(execution) ?? '')) this.texts.set(execution, text);
    return Promise.resolve();
  }

  read(id: string): Promise<string | undefined> {
    const execution = this.queue.executions.find(id);
    return Promise.resolve(execution && this.texts.get(execution));
  }
}
