import { Inject, Injectable } from '@nestjs/common';
import { TasksShutdown, type Drainable } from '../../scheduler/tasks-shutdown.js';
import { BROKER, type Broker } from '../broker/broker.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { ExecutionHandles } from '../client/execution-handles.js';
import { Timeline } from '../client/timeline.js';
import { Rules } from '../rules/rules.js';
import { QueueWorker } from './queue-worker.js';

/**
 * Shutdown of the queue. It waits for the broker no longer than a lease, over all its phases: after that, others have the
 * executions anyway.
 */
@Injectable()
export class WorkerDrain implements Drainable {
  /** Time for which shutdown still waits for the broker, in milliseconds. */
  private patience: number;

  constructor(
    @Inject(QUEUE_OPTIONS) options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    private readonly worker: QueueWorker,
    private readonly rules: Rules,
    private readonly executions: ExecutionHandles,
    private readonly timeline: Timeline,
    shutdown: TasksShutdown,
  ) {
    this.patience = options.lease;
    shutdown.addDrainable(this);
  }

  close(): void {
    this.worker.stop();
  }

  async settled(): Promise<void> {
    for (let left = this.worker.unsettled(); left.length > 0; left = this.worker.unsettled()) {
      if (!(await this.isDone(Promise.allSettled(left)))) return;
    }
  }

  async end(): Promise<void> {
    await this.isDone(this.worker.handBack());
    this.worker.end();
    this.rules.close();
    this.executions.close();
    await this.isDone(this.timeline.close());
    await this.worker.leave();
    await this.broker.close();
  }

  /** Waits, as long as patience lasts. Returns false when it is over. */
  private async isDone(work: Promise<unknown>): Promise<boolean> {
    const since = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, this.patience, false);
    });
    const isDone = await Promise.race([work.then(() => true), limit]);
    clearTimeout(timer);
    this.patience = Math.max(0, this.patience - (performance.now() - since));
    return isDone;
  }
}
