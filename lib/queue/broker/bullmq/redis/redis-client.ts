import type { Duplex } from 'node:stream';
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { reconnectDelay, SILENCE } from '../connections.js';
import { endWhenSilent, PATIENCE, type LastReply } from '../patience.js';
import { refusalOf, unavailable } from './redis-errors.js';

type IoRedis = typeof import('ioredis');

/** Settings that BullMQ and we depend on, whatever the application has for other uses of its client. */
const POLICY: RedisOptions = {
  lazyConnect: true,
  maxRetriesPerRequest: null,
  retryStrategy: reconnectDelay,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  autoResendUnfulfilledCommands: true,
  autoResubscribe: false, // nobody would handle its failure: see RedisSideStore.subscribe()
  enableAutoPipelining: false,
  stringNumbers: false,
  keyPrefix: '',
  readOnly: false,
  monitor: false,
  commandTimeout: undefined as never,
  connectTimeout: PATIENCE,
  socketTimeout: undefined as never, // see endWhenSilent()
  disconnectTimeout: 250, // or a server that does not answer would hold the process for two seconds
};

/** Creates a client of our own. It connects at its first use, and notes the server's replies. */
export function createClient({ connection }: ResolvedQueueOptions, ioredis: IoRedis, lastReply: LastReply): Redis {
  const replies = new Replies(lastReply);
  const policy: RedisOptions = {
    ...POLICY,
    // After a failover the old primary refuses writes: connect anew, and send the command again.
    reconnectOnError: ({ message }) => (replies.isRefusal(message) ? 2 : false),
  };
  const client = isCluster(connection)
    ? (connection.duplicate(undefined, clusterPolicy(connection.options, policy)) as unknown as Redis)
    : templateOf(connection, ioredis).duplicate(policy);
  replies.noteOf(client);
  return quiet(client);
}

/** Tells whether the connection is a client of ioredis' `Cluster`. */
export function isCluster(connection: unknown): connection is Cluster {
  return (connection as Partial<Cluster> | null)?.isCluster === true;
}

/** Holds the settings, and is never connected, or is the application's own and left alone. */
function templateOf(connection: unknown, { Redis }: IoRedis): Redis {
  if (typeof (connection as Partial<Redis>).duplicate === 'function') return connection as Redis;
  if (typeof connection === 'string') return new Redis(connection, { lazyConnect: true });
  const { url, ...rest } = connection as RedisOptions & { url?: string };
  const options = { ...rest, lazyConnect: true };
  return url === undefined ? new Redis(options) : new Redis(url, options);
}

function clusterPolicy(options: ClusterOptions, policy: RedisOptions): ClusterOptions {
  // These are the cluster's own, or those of each of its nodes.
  const { lazyConnect, enableOfflineQueue, enableAutoPipelining, keyPrefix, retryStrategy: _, ...ofNodes } = policy;
  return {
    lazyConnect,
    enableOfflineQueue,
    enableAutoPipelining,
    keyPrefix,
    clusterRetryStrategy: reconnectDelay,
    slotsRefreshTimeout: PATIENCE,
    scaleReads: 'master',
    redisOptions: { ...options.redisOptions, ...ofNodes },
  } as ClusterOptions;
}

/** Notes when a server has replied to commands. The handshake of a connection that does not come about is no reply. */
class Replies {
  private isReadOnly = false;

  constructor(private readonly lastReply: LastReply) {}

  noteOf(client: unknown): void {
    onConnection(client, (stream, node) => {
      this.isReadOnly = false;
      stream.on('data', () => {
        if (node.status === 'ready' && !this.isReadOnly) this.lastReply.note();
      });
    });
  }

  /** Tells whether a message is a refusal to write. A server may repeat it, which is no progress. */
  isRefusal(message: string): boolean {
    const isReadOnly = message.startsWith('READONLY');
    this.isReadOnly ||= isReadOnly;
    return isReadOnly;
  }
}

/**
 * ioredis prints errors that nobody listens to; ours come out of the calls that they stop. BullMQ waits for work on a
 * duplicate.
 */
function quiet(client: Redis): Redis {
  const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Redis;
  client.duplicate = (...args: unknown[]) => quiet(duplicate(...args));
  onConnection(client, (stream, node) => {
    const sent = (): { readonly length: number } => Reflect.get(node, 'commandQueue') as never;
    endWhenSilent(stream, SILENCE, () => sent().length > 0);
  });
  return client.on('error', ignore);
}

/** Calls for every connection of a client, or of a cluster's nodes, when it has come about. */
function onConnection(client: unknown, call: (stream: Duplex, node: Redis) => void): void {
  const watch = (node: Redis): unknown => node.on('connect', () => call(Reflect.get(node, 'stream') as Duplex, node));
  if (isCluster(client)) client.on('+node', watch);
  else watch(client as Redis);
}

/** @throws {BrokerUnavailableError} {@link TasksConfigError} */
export async function untilReady(client: Redis, options: ResolvedQueueOptions): Promise<void> {
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
    const remember = (error: Error): void => {
      lastError = error;
      const refusal = refusalOf(error, options);
      if (refusal !== undefined) settle(refusal);
    };
    const end = (): void => settle(unavailable('the connection is closed', { cause: lastError }));
    const late = (): void => settle(unavailable(lastError?.message ?? 'no answer', { cause: lastError }));
    const timer = setTimeout(late, PATIENCE);
    client.on('ready', ready).on('error', remember).on('end', end);
    if (client.status === 'wait') client.connect().catch(ignore);
  });
}

function ignore(): void {}
