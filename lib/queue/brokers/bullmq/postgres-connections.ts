import type { IQueueBackend, Queue, Worker } from 'bullmq';
import type { Pool, PoolConfig } from 'pg';
import { TasksConfigError } from '../../../task/task-errors.js';
import { BrokerUnavailableError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import { PATIENCE, SILENCE, soon, withPatience, workerOptions, type Connections } from './connections.js';
import { loadDriver } from './drivers.js';
import { PostgresGates } from './postgres-gates.js';
import { PostgresSideStore } from './postgres-side-store.js';

const PACKAGES = ['bullmq', 'pg'];
const LABEL = 'PostgreSQL';

/** Of PostgreSQL, beside those of class 08: shut down by an operator or a crash, and not there yet after a start. */
const UNAVAILABLE_CODES = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Whoever waits for a lock of ours must then see what the one before has done, whatever is the default of the database. */
const ISOLATION = '-c default_transaction_isolation=read\\ committed';
/**
 * BullMQ's own call looks at the state, and then writes whatever it is by then: of two at once, the second would put a job
 * back into the queue that runs already.
 */
const PROMOTE = `
WITH delayed AS (SELECT id FROM job WHERE queue = $1 AND id = $2 AND state = 'delayed' FOR UPDATE)
SELECT promote($1, id) FROM delayed`;
/** The same: a job that is claimed after the look would be removed while it runs. */
const REMOVE = `
WITH waiting AS (
  SELECT id FROM job WHERE queue = $1 AND id = $2 AND state NOT IN ('active', 'completed', 'failed') FOR UPDATE
)
SELECT remove($1, id, false) AS removed FROM waiting`;
const DEADLOCK = '40P01';
const MAX_REPEATS = 5;

/** On PostgreSQL: BullMQ's pools for adding and for the worker, each with a connection to listen on, and ours. */
export class PostgresConnections implements Connections {
  readonly label = LABEL;
  readonly addsInBatches = true;
  readonly isOrdered = false;
  readonly keepsText = false;

  private isClosed = false;
  private workerOfBullMq: Worker<unknown, unknown, string, IQueueBackend> | undefined;

  private constructor(
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly config: PoolConfig,
    private readonly bullmq: typeof import('bullmq'),
    private readonly queueOfBullMq: Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend>,
    private readonly pool: Pool,
    readonly store: PostgresSideStore,
    readonly gates: PostgresGates,
  ) {}

  /** @throws {DriverMissingError} {@link BrokerUnavailableError} {@link TasksConfigError} */
  static async open(options: ResolvedQueueOptions, workerId: string): Promise<PostgresConnections> {
    const bullmq = loadDriver('bullmq', PACKAGES);
    const pg = loadDriver('pg', PACKAGES);
    const config = configOf(options.connection);
    const searchPath = {
      ...config,
      options: `${config.options ?? ''} -c search_path="${options.prefix}" ${ISOLATION}`.trim(),
    };
    const pool = new pg.Pool({ max: 4, ...searchPath });
    pool.on('error', ignore); // an idle connection was lost; the next call opens another
    const store = new PostgresSideStore(pool, () => new pg.Client({ keepAlive: true, ...searchPath }), options);
    const gates = new PostgresGates(pool, options);
    const queue = new bullmq.Queue(
      options.name,
      { connection: { ...config, schema: options.prefix, migrate: options.migrate } } as never,
      bullmq.createPostgresBackend,
    );
    queue.on('error', ignore);
    try {
      await queue.waitUntilReady();
      for (const books of [store, gates]) await (options.migrate ? books.migrate() : books.check());
    } catch (error) {
      await Promise.allSettled([queue.close(), pool.end()]);
      throw explain(error, options);
    }
    return new PostgresConnections(options, workerId, config, bullmq, queue as never, pool, store, gates);
  }

  get queue(): IQueueBackend {
    return this.queueOfBullMq.getBackend();
  }

  worker(): IQueueBackend {
    if (this.isClosed) throw new BrokerUnavailableError(LABEL, 'the connection is closed');
    if (this.workerOfBullMq === undefined) {
      const { name, prefix, lease } = this.options;
      const worker = new this.bullmq.Worker(
        name,
        null,
        {
          connection: { ...this.config, schema: prefix },
          ...workerOptions({ lease, workerId: this.workerId }),
        } as never,
        this.bullmq.createPostgresBackend,
      );
      worker.on('error', ignore);
      this.workerOfBullMq = worker as never;
      return worker.getBackend();
    }
    return this.workerOfBullMq.getBackend();
  }

  async promote(id: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(PROMOTE, [this.options.name, id]);
    return rowCount === 1;
  }

  async remove(id: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ removed: number }>(REMOVE, [this.options.name, id]);
    return rows[0]?.removed === 1;
  }

  answer<T>(call: () => Promise<T>): Promise<T> {
    return this.persist(() => withPatience(call(), () => new BrokerUnavailableError(LABEL, 'no answer')));
  }

  async persist<T>(call: () => Promise<T>): Promise<T> {
    for (let repeats = 0; ; repeats += 1) {
      try {
        return await call();
      } catch (error) {
        // Two statements of BullMQ's have waited for each other, and one of them was rolled back.
        if ((error as { code?: unknown }).code !== DEADLOCK || repeats === MAX_REPEATS)
          throw explain(error, this.options);
      }
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await soon(this.workerOfBullMq?.getBackend().disconnectBlocking(false)); // it waits for work, perhaps for seconds
    await Promise.all([
      this.store.close(),
      soon(this.workerOfBullMq?.close(true)),
      soon(this.queueOfBullMq.close()),
      soon(this.pool.end()),
    ]);
  }
}

function configOf(connection: unknown): PoolConfig {
  const limits: PoolConfig = { connectionTimeoutMillis: PATIENCE, query_timeout: SILENCE, keepAlive: true };
  if (typeof connection === 'string') return { ...limits, ...readUrl(connection) };
  if (isPool(connection)) {
    // pg hides what is secret from whoever copies or prints the options.
    const { password, ssl } = connection.options;
    return { ...limits, ...connection.options, ...(password !== undefined && { password }), ...(ssl && { ssl }) };
  }
  return { ...limits, ...(connection as PoolConfig) };
}

/** pg lets `options` of a URL replace those beside it, and with them the schema that we and BullMQ set there. */
function readUrl(text: string): PoolConfig {
  const url = new URL(text);
  const options = url.searchParams.get('options');
  if (options === null) return { connectionString: text };
  url.searchParams.delete('options');
  return { connectionString: url.href, options };
}

/** The application's own pool; its settings are used, and the pool itself is left alone. */
function isPool(connection: unknown): connection is Pool & { options: PoolConfig } {
  return typeof (connection as Partial<Pool>).totalCount === 'number';
}

/** What an error of the database means to those who called. */
function explain(error: unknown, { prefix }: ResolvedQueueOptions): unknown {
  const { code: number, name, message = '' } = error as { code?: unknown; name?: string; message?: string };
  const code = String(number); // BullMQ's are numbers
  if (name === 'SchemaMigrationRequiredError' || code === '42P01') {
    return new TasksConfigError(
      'queue.migrate',
      false,
      `true, since the schema ${prefix} is not set up; or let another process set it up first (${message})`,
    );
  }
  const isUnavailable =
    UNAVAILABLE_CODES.has(code) ||
    code.startsWith('08') ||
    /connection terminated|timeout|ENOTFOUND|not queryable|after calling end/i.test(message);
  return isUnavailable ? new BrokerUnavailableError(LABEL, message, { cause: error }) : error;
}

function ignore(): void {}
