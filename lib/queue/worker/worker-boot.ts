import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import type { WorkerRecord } from '../client/workers.js';
import { BrokerUnavailableError } from '../broker/queue-errors.js';
import { OUTBOX, type Outbox } from '../broker/outbox/outbox.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { ExecutionHandles } from '../client/execution-handles.js';
import type { LocalWorker } from '../client/result-waits.js';
import { DurableRegistry } from '../declaration/durable-registry.js';
import { OutboxLog } from '../log/outbox-log.js';
import { QueueLog } from '../log/queue-log.js';
import { QueueWorker } from './queue-worker.js';

/** Starts the worker with the application. */
@Injectable()
export class WorkerBoot implements OnApplicationBootstrap, LocalWorker {
  private isBooted = false;

  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    private readonly worker: QueueWorker,
    private readonly registry: DurableRegistry,
    private readonly log: QueueLog,
    @Inject(OUTBOX) private readonly outbox: Outbox | undefined,
    private readonly outboxLog: OutboxLog,
    executions: ExecutionHandles,
  ) {
    executions.know(this);
  }

  get isExpected(): boolean {
    return this.options.hasWorker && !this.isBooted && !this.worker.isStarted;
  }

  get isRunning(): boolean {
    return this.worker.isRunning;
  }

  info(): WorkerRecord | undefined {
    return this.worker.info();
  }

  /** Starts the worker. Our hooks run last, so everything that a task may need is ready. */
  async onApplicationBootstrap(): Promise<void> {
    const hasTasks = this.registry.ownNames.length > 0;
    if (!this.broker.isShared && hasTasks && process.env['NODE_ENV'] === 'production') this.log.volatile();
    await Promise.all([this.connect(), this.openOutbox()]);
    this.isBooted = true;
    if (!this.options.hasWorker) return;
    if (this.broker.isShared && !hasTasks) this.log.idleWorker();
    else this.worker.start();
  }

  private async openOutbox(): Promise<void> {
    try {
      await this.outbox?.open();
    } catch (error) {
      if (!(error instanceof BrokerUnavailableError)) throw error;
      this.outboxLog.unreachable(error);
    }
  }

  /** Connects to the broker. An application may start before its broker; wrong options stop it. */
  private async connect(): Promise<void> {
    try {
      await this.broker.connect();
    } catch (error) {
      if (!(error instanceof BrokerUnavailableError)) throw error;
      this.log.disrupted(error);
    }
  }
}
