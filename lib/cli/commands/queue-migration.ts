import { systemClock } from '../../queue/broker/clock.js';
import { createBroker } from '../../queue/broker/create-broker.js';
import { PostgresMigration } from '../../queue/broker/bullmq/postgres/postgres-migration.js';
import type { ResolvedQueueOptions } from '../../queue/broker/queue-settings.js';
import { createWorkerId } from '../../queue/worker/worker-state.js';
import type { Migration } from './migration.js';

/** Schema of a queue on PostgreSQL. */
export class QueueMigration implements Migration {
  readonly place: string;

  private constructor(
    private readonly schema: PostgresMigration,
    private readonly options: ResolvedQueueOptions,
    server: string,
  ) {
    this.place = `Schema ${options.prefix} on ${server}`;
  }

  static async open(options: ResolvedQueueOptions, server: string): Promise<QueueMigration> {
    return new QueueMigration(await PostgresMigration.open(options), options, server);
  }

  missing(): Promise<readonly string[]> {
    return this.schema.missing();
  }

  async exists(): Promise<boolean> {
    return !(await this.schema.missing()).includes(`schema ${this.options.prefix}`);
  }

  statements(): Promise<readonly string[]> {
    return this.schema.statements();
  }

  /** Connects as an application does at boot, which migrates under a lock. */
  async run(): Promise<void> {
    const broker = createBroker(this.options, systemClock, createWorkerId(), {
      unreadable: () => {},
      signalRefused: () => {},
    });
    try {
      await broker.connect();
    } finally {
      await broker.close();
    }
  }

  close(): Promise<void> {
    return this.schema.close();
  }
}
