import type { IQueueBackend, JobJson, Queue, Worker } from 'bullmq';
import type { Pool, PoolConfig } from 'pg';

import { BrokerUnavailableError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { soon, workerOptions, type Connections } from '../connections.js';
import type { SeenJob } from '../seen-job.js';
import { loadDriver } from '../drivers.js';
import { isEnd, type Settlement } from '../../settlement.js';
import { withPatience, type LastReply } from '../patience.js';
import { PostgresClock } from './postgres-clock.js';
import { AddBatcher } from './add-batcher.js';
import { explain, isConflict, LABEL } from './postgres-errors.js';
import { PostgresBacklog } from './postgres-backlog.js';
import { PostgresEnded } from './postgres-ended.js';
import { PostgresLimiter } from './postgres-limiter.js';
import { lookAtPostgresJob, readPostgresJob } from './postgres-jobs.js';
import { configOf, patientPool, poolOf, STATEMENT_TIME, withLimit, withSchema } from './postgres-pools.js';
import { PostgresSchema } from './postgres-schema.js';
import { PostgresSideStore } from './postgres-side-store.js';
import { PostgresSignals } from './postgres-signals.js';
import { ACTIVE, HELD_BY, PROMOTE, RECOVER, REMOVE, RENEW_LEASES, RETIME } from './sql.generated.js';

type PostgresQueue = Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend>;
type PostgresWorker = Worker<unknown, unknown, string, IQueueBackend>;

const PACKAGES = ['bullmq', 'pg'];

const MAX_REPEATS = 5;

/** On PostgreSQL: BullMQ's pools for adding and for the worker, each with a connection to listen on, and ours. */
export class PostgresConnections implements Connections {
  readonly label = LABEL;
  /** Encodes data as JSON, since the database reads it, reorders its keys and refuses some texts. */
  readonly dataOf: (text: string) => string = JSON.stringify;

  readonly backlog: PostgresBacklog;

  private readonly batcher: AddBatcher;
  private isClosed = false;
  private workerOfBullMq: PostgresWorker | undefined;

  private constructor(
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly lastReply: LastReply,
    private readonly config: PoolConfig,
    private readonly bullmq: typeof import('bullmq'),
    private readonly queueOfBullMq: PostgresQueue,
    private readonly pool: Pool,
    readonly store: PostgresSideStore,
    readonly ended: PostgresEnded,
    readonly signals: PostgresSignals,
    readonly limiter: PostgresLimiter,
    private readonly clock: PostgresClock,
  ) {
    this.backlog = new PostgresBacklog(pool, options, signals);
    this.batcher = new AddBatcher(this.queue, options.name);
  }

  /** @throws {TasksUsageError} `DRIVER_MISSING` {@link BrokerUnavailableError} {@link TasksConfigError} */
  static async open(
    options: ResolvedQueueOptions,
    workerId: string,
    lastReply: LastReply,
  ): Promise<PostgresConnections> {
    const bullmq = loadDriver('bullmq', PACKAGES);
    const pg = loadDriver('pg', PACKAGES);
    const { prefix } = options;
    const config = configOf(options, pg, lastReply);
    const callConfig = withLimit(config, STATEMENT_TIME.call);
    const ownConfig = withSchema(callConfig, prefix);
    const pool = patientPool(new pg.Pool({ max: 4, ...ownConfig }), lastReply);
    pool.on('error', ignore); // an idle connection was lost; the next call opens another
    const store = new PostgresSideStore(pool, options);
    const ended = new PostgresEnded(pool, options, store);
    const signals = new PostgresSignals(pool, () => new pg.Client(ownConfig), options);
    const clock = new PostgresClock(pool);
    const limiter = new PostgresLimiter(pool, options, clock);
    const admin = new pg.Client(withSchema(withLimit(config, STATEMENT_TIME.migration), prefix));
    admin.on('error', ignore); // whoever asks it something is told
    let queue: PostgresQueue | undefined;
    try {
      await admin.connect();
      lastReply.note();
      await new PostgresSchema(admin, options, bullmq, [store, ended, limiter]).prepare(lastReply);
      queue = new bullmq.Queue(
        options.name,
        { connection: { ...callConfig, schema: prefix } } as never,
        bullmq.createPostgresBackend,
      ) as never as PostgresQueue;
      queue.on('error', ignore);
      patientPool(poolOf(queue.getBackend()), lastReply);
      await queue.waitUntilReady();
      await clock.synchronize();
      return new PostgresConnections(
        options,
        workerId,
        lastReply,
        config,
        bullmq,
        queue,
        pool,
        store,
        ended,
        signals,
        limiter,
        clock,
      );
    } catch (error) {
      await Promise.allSettled([soon(queue?.close()), soon(pool.end())]);
      throw explain(error, options);
    } finally {
      await soon(admin.end());
    }
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
          connection: { ...withLimit(this.config, STATEMENT_TIME.worker), schema: prefix },
          ...workerOptions({ lease, workerId: this.workerId }),
        } as never,
        this.bullmq.createPostgresBackend,
      ) as never as PostgresWorker;
      worker.on('error', ignore);
      patientPool(poolOf(worker.getBackend()), this.lastReply);
      this.clock.rule(worker.getBackend());
      this.workerOfBullMq = worker;
    }
    return this.workerOfBullMq.getBackend();
  }

  /** Adds jobs in batches: one statement for many is faster than one for each. */
  addJob(job: JobJson): Promise<string> {
    return this.batcher.add(job);
  }

  /** Calls go over several connections, where a later one may overtake it. */
  beforeNext(call: Promise<void>): Promise<void> {
    return call;
  }

  /** BullMQ delays a job in one transaction, and claims the next one in another. */
  isOneCall(settlement: Settlement): boolean {
    return isEnd(settlement);
  }

  lookAtJob(id: string): Promise<SeenJob | undefined> {
    return lookAtPostgresJob(this.pool, this.options.name, id);
  }

  readJob(id: string): Promise<SeenJob | undefined> {
    return readPostgresJob(this.pool, this.options.name, id);
  }

  async promote(id: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(PROMOTE, [this.options.name, id]);
    return rowCount === 1;
  }

  async retime(id: string, at: number, memo: { readonly expected: string; readonly next: string }): Promise<boolean> {
    const time = Math.ceil(at);
    const values = [this.options.name, id, time, Math.max(0, time - Date.now()), memo.expected, memo.next];
    return (await this.pool.query(RETIME, values)).rowCount === 1;
  }

  async remove(id: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ removed: number }>(REMOVE, [this.options.name, id]);
    return rows[0]?.removed === 1;
  }

  async renew(ids: readonly string[], tokens: readonly string[]): Promise<string[]> {
    const { name, lease } = this.options;
    const { rows } = await this.pool.query<{ id: string }>(RENEW_LEASES, [name, ids, tokens, lease]);
    return rows.map(({ id }) => id);
  }

  async recover(): Promise<string[]> {
    await this.clock.synchronize();
    const { rows } = await this.pool.query<{ id: string }>(RECOVER, [this.options.name]);
    return rows.map(({ id }) => id);
  }

  async heldBy(token: string): Promise<string | undefined> {
    const { rows } = await this.pool.query<{ id: string }>(HELD_BY, [this.options.name, token]);
    return rows[0]?.id;
  }

  async activeIds(): Promise<string[]> {
    return (await this.pool.query<{ id: string }>(ACTIVE, [this.options.name])).rows.map(({ id }) => id);
  }

  /** Does nothing: a move is a transaction, done or not. */
  reinstate(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing: the types of the columns leave nothing to repair. */
  repair(): Promise<string[]> {
    return Promise.resolve([]);
  }

  answer<T>(call: () => Promise<T>, isRepeatable = true): Promise<T> {
    const late = (): Error => new BrokerUnavailableError(LABEL, 'no answer', { isRepeatable });
    return this.repeat(() => withPatience(call(), this.lastReply, late), isRepeatable);
  }

  persist<T>(call: () => Promise<T>): Promise<T> {
    return this.repeat(call, true);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await soon(this.workerOfBullMq?.getBackend().disconnectBlocking(false)); // it waits for work, perhaps for seconds
    await Promise.all([
      this.signals.close(),
      soon(this.workerOfBullMq?.close(true)),
      soon(this.queueOfBullMq.close()),
      soon(this.pool.end()),
    ]);
  }

  private async repeat<T>(call: () => Promise<T>, isRepeatable: boolean): Promise<T> {
    for (let repeats = 0; ; repeats += 1) {
      try {
        return await call();
      } catch (error) {
        // Two statements have waited for each other, say, and one of them was rolled back.
        if (!isConflict(error) || repeats === MAX_REPEATS) throw explain(error, this.options, isRepeatable);
      }
    }
  }
}

function ignore(): void {}
