import type { Client } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { loadDriver } from '../drivers.js';
import { LastReply } from '../patience.js';
import { PostgresClock } from './postgres-clock.js';
import { PostgresEnded } from './postgres-ended.js';
import { explain } from './postgres-errors.js';
import { PostgresLimiter } from './postgres-limiter.js';
import { configOf, STATEMENT_TIME, withLimit, withSchema } from './postgres-pools.js';
import { PostgresSchema } from './postgres-schema.js';
import { PostgresSideStore } from './postgres-side-store.js';

const PACKAGES = ['bullmq', 'pg'];

/** Look at the schema of a queue, for those who migrate it by hand. It changes nothing. */
export class PostgresMigration {
  private constructor(
    private readonly client: Client,
    private readonly schema: PostgresSchema,
    private readonly options: ResolvedQueueOptions,
  ) {}

  /** @throws {TasksUsageError} `DRIVER_MISSING` {@link BrokerUnavailableError} {@link TasksConfigError} */
  static async open(options: ResolvedQueueOptions): Promise<PostgresMigration> {
    const bullmq = loadDriver('bullmq', PACKAGES);
    const pg = loadDriver('pg', PACKAGES);
    const config = withLimit(configOf(options, pg, new LastReply()), STATEMENT_TIME.migration);
    const client = new pg.Client(withSchema(config, options.prefix));
    client.on('error', () => {}); // whoever asks it something is told
    // The parts ask the connection that they are given, and this pool nothing.
    const pool = new pg.Pool(config);
    const store = new PostgresSideStore(pool, options);
    const limiter = new PostgresLimiter(pool, options, new PostgresClock(pool));
    const parts = [store, new PostgresEnded(pool, options, store), limiter];
    try {
      await client.connect();
    } catch (error) {
      throw explain(error, options);
    }
    return new PostgresMigration(client, new PostgresSchema(client, options, bullmq, parts), options);
  }

  /** Returns what is missing, in words. */
  async missing(): Promise<string[]> {
    return this.schema.missing().catch((error: unknown) => this.refuse(error));
  }

  /** Returns the statements that a migration would run now. */
  async statements(): Promise<string[]> {
    return this.schema.statements().catch((error: unknown) => this.refuse(error));
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => {}); // it has gone
  }

  private refuse(error: unknown): never {
    throw explain(error, this.options);
  }
}
