import type { Queue, Worker } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { BrokerUnavailableError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import {
  PATIENCE,
  reconnectDelay,
  SILENCE,
  soon,
  withPatience,
  workerOptions,
  type Connections,
} from './connections.js';
import { loadDriver } from './drivers.js';
import { RedisGates } from './redis-gates.js';
import { RedisSideStore } from './redis-side-store.js';

const PACKAGES = ['bullmq', 'ioredis'];
const LABEL = 'Redis';
/** BullMQ keeps 10,000 events of each queue, two for every task that waits. Ours go by signals. */
const EVENTS = 1_000;

/** BullMQ's code for a job that is not delayed, or not there. */
const NOT_DELAYED = -3;

/** On Redis or Valkey: one connection for commands, one for each worker to wait on, one to hear signals. */
export class RedisConnections implements Connections {
  readonly label = LABEL;
  readonly addsInBatches = false;
  readonly isOrdered = true;
  readonly keepsText = true;
  readonly store: RedisSideStore;
  readonly gates: RedisGates;

  private readonly queueOfBullMq: Queue;
  private workerOfBullMq: Worker | undefined;
  private isClosed = false;

  private constructor(
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly client: Redis,
    private readonly bullmq: typeof import('bullmq'),
  ) {
    this.store = new RedisSideStore(client, options);
    this.gates = new RedisGates(client, options);
    this.queueOfBullMq = new bullmq.Queue(options.name, {
      connection: client as never,
      prefix: options.prefix,
      streams: { events: { maxLen: EVENTS } },
    });
    this.queueOfBullMq.on('error', ignore);
  }

  /** @throws {DriverMissingError} {@link BrokerUnavailableError} */
  static async open(options: ResolvedQueueOptions, workerId: string): Promise<RedisConnections> {
    const bullmq = loadDriver('bullmq', PACKAGES);
    const client = createClient(options.connection);
    try {
      await untilReady(client);
      const connections = new RedisConnections(options, workerId, client, bullmq);
      await connections.queueOfBullMq.waitUntilReady();
      return connections;
    } catch (error) {
      client.disconnect();
      throw error;
    }
  }

  get queue() {
    return this.queueOfBullMq.getBackend();
  }

  worker() {
    if (this.isClosed) throw unavailable('the connection is closed');
    if (this.workerOfBullMq === undefined) {
      this.workerOfBullMq = new this.bullmq.Worker(this.options.name, null, {
        connection: this.client as never,
        prefix: this.options.prefix,
        ...workerOptions({ lease: this.options.lease, workerId: this.workerId }),
      });
      this.workerOfBullMq.on('error', ignore);
    }
    return this.workerOfBullMq.getBackend();
  }

  async promote(id: string): Promise<boolean> {
    try {
      await this.queue.promote(id);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === NOT_DELAYED) return false;
      throw error;
    }
  }

  async remove(id: string): Promise<boolean> {
    return (await this.queue.remove(id, false)) === 1;
  }

  async answer<T>(call: () => Promise<T>): Promise<T> {
    if (this.client.status !== 'ready') await untilReady(this.client);
    return withPatience(call(), () => unavailable('no answer'));
  }

  /** Sent again by the client, in the order of the calls, when the connection is back. */
  persist<T>(call: () => Promise<T>): Promise<T> {
    return call();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.store.close();
    // It waits for work, perhaps for seconds, and its connection may be one that is just being made.
    await soon(this.workerOfBullMq?.getBackend().disconnectBlocking(false));
    await soon(this.workerOfBullMq?.close(true));
    await soon(this.queueOfBullMq.close());
    await soon(this.workerOfBullMq?.getBackend().disconnect());
    this.client.disconnect();
  }
}

function createClient(connection: unknown): Redis {
  const { Redis } = loadDriver('ioredis', PACKAGES);
  const policy: RedisOptions = {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelay,
    socketTimeout: SILENCE,
    disconnectTimeout: 250, // or a server that does not answer would hold the process for two seconds
    // After a failover the old primary refuses writes: connect anew, and send the command again.
    reconnectOnError: ({ message }) => (message.startsWith('READONLY') ? 2 : false),
  };
  if (isInstance(connection)) return quiet(connection.duplicate(policy));
  if (typeof connection === 'string') return quiet(new Redis(connection, policy));
  const { url, ...rest } = connection as RedisOptions & { url?: string };
  return quiet(url === undefined ? new Redis({ ...rest, ...policy }) : new Redis(url, { ...rest, ...policy }));
}

/** The application's own client; its settings are used, and the client itself is left alone. */
function isInstance(connection: unknown): connection is Redis {
  return typeof (connection as Partial<Redis> | undefined)?.duplicate === 'function';
}

/**
 * ioredis prints errors that nobody listens to; ours come out of the calls that they stop. And it forgets the timer of
 * `socketTimeout` when it disconnects, which then holds the process for seconds. BullMQ waits for work on a duplicate.
 */
function quiet(client: Redis): Redis {
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => quiet(duplicate(override));
  client.on('end', () => clearTimeout(Reflect.get(client, 'socketTimeoutTimer') as NodeJS.Timeout | undefined));
  return client.on('error', ignore);
}

async function untilReady(client: Redis): Promise<void> {
  if (client.status === 'ready') return;
  if (client.status === 'end') throw unavailable('the connection is closed');
  await new Promise<void>((resolve, reject) => {
    let lastError: Error | undefined;
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      client.off('ready', ready).off('error', remember).off('end', end);
      if (error === undefined) resolve();
      else reject(error);
    };
    const ready = (): void => settle();
    const remember = (error: Error): void => void (lastError = error);
    const end = (): void => settle(unavailable('the connection is closed', lastError));
    const timer = setTimeout(() => settle(unavailable(lastError?.message ?? 'no answer', lastError)), PATIENCE);
    client.on('ready', ready).on('error', remember).on('end', end);
    if (client.status === 'wait') client.connect().catch(ignore);
  });
}

function unavailable(what: string, cause?: Error): BrokerUnavailableError {
  return new BrokerUnavailableError(LABEL, what, cause && { cause });
}

function ignore(): void {}
