import type { Broker, ExecutionStore, RunStore } from '../broker.js';
import { MemoryEnded } from './memory-ended.js';
import { MemoryDuties } from './memory-duties.js';
import { MemoryExecutionStore } from './memory-execution-store.js';
import { MemoryLimits } from './memory-limits.js';
import { MemoryLogs } from './memory-logs.js';
import { MemoryMaps } from './memory-maps.js';
import { MemoryQueue, type MemoryQueueOptions } from './memory-queue.js';
import { MemoryRunStore } from './memory-run-store.js';
import { MemorySignals } from './memory-signals.js';
import { MemoryTimeline } from './memory-timeline.js';

/**
 * Keeps executions in this process: the same rules as any broker's, and no durability. What is not done when the process
 * ends is lost.
 */
export class MemoryBroker implements Broker {
  readonly label = 'The memory broker';
  readonly isShared = false;
  readonly executions: ExecutionStore;
  readonly ended: MemoryEnded;
  readonly runs: RunStore;
  readonly limits: MemoryLimits;
  readonly logs: MemoryLogs;
  readonly maps: MemoryMaps;
  readonly signals = new MemorySignals();
  readonly timeline: MemoryTimeline;
  readonly duties = new MemoryDuties();
  private readonly queue: MemoryQueue;

  constructor(options: MemoryQueueOptions) {
    this.maps = new MemoryMaps(
      (map) => this.signals.tell({ type: 'map', map }),
      (id) => this.queue.executions.find(id),
    );
    this.queue = new MemoryQueue(options, this.signals);
    this.timeline = new MemoryTimeline(options.clock);
    this.executions = this.openExecutions(this.queue);
    this.ended = new MemoryEnded(this.queue);
    this.runs = this.openRuns(this.queue);
    this.limits = new MemoryLimits(this.queue);
    this.logs = new MemoryLogs(this.queue);
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.queue.close();
    this.signals.close();
    return Promise.resolve();
  }

  protected openExecutions(queue: MemoryQueue): ExecutionStore {
    return new MemoryExecutionStore(queue);
  }

  protected openRuns(queue: MemoryQueue): RunStore {
    return new MemoryRunStore(queue);
  }
}
