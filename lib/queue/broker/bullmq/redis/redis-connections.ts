import type { JobJson, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { soon, workerOptions, type Connections } from '../connections.js';
import type { SeenJob } from '../seen-job.js';
import { loadDriver } from '../drivers.js';
import { withPatience, type LastReply } from '../patience.js';
import { createClient, untilReady } from './redis-client.js';
import { explain, LABEL, unavailable } from './redis-errors.js';
import { REINSTATE, REPAIR, RETIME } from './lua.generated.js';
import { RedisBacklog } from './redis-backlog.js';
import { RedisEnded } from './redis-ended.js';
import { RedisLimiter } from './redis-limiter.js';
import { ServerClock } from '../server-clock.js';
import { RedisJobs } from './redis-jobs.js';
import { RedisShortCuts } from './redis-short-cuts.js';
import { RedisSideStore } from './redis-side-store.js';
import { RedisSignals } from './redis-signals.js';

const PACKAGES = ['bullmq', 'ioredis'];
/** BullMQ keeps 10,000 events of each queue, two for every task that waits. Ours go by signals. */
const EVENTS = 1_000;

/** BullMQ's code for a job that is not delayed, or not there. */
const NOT_DELAYED = -3;

/** On Redis or Valkey: one connection for commands, one for each worker to wait on, one to hear signals. */
export class RedisConnections implements Connections {
  readonly label = LABEL;
  readonly dataOf = String;
  readonly store: RedisSideStore;
  readonly signals: RedisSignals;
  readonly limiter: RedisLimiter;
  readonly backlog: RedisBacklog;
  readonly ended: RedisEnded;
  readonly shortCuts: RedisShortCuts;

  private readonly queueOfBullMq: Queue;
  private readonly jobs: RedisJobs;
  private workerOfBullMq: Worker | undefined;
  private isClosed = false;

  private constructor(
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly lastReply: LastReply,
    private readonly client: Redis,
    private readonly bullmq: typeof import('bullmq'),
    private readonly clock: ServerClock,
    /** Set when the user may not ask for the server's version. */
    private readonly skipVersionCheck: boolean,
  ) {
    this.store = new RedisSideStore(client, options);
    this.signals = new RedisSignals(client, options);
    this.limiter = new RedisLimiter(client, options, clock);
    this.shortCuts = new RedisShortCuts(options.lease);
    this.queueOfBullMq = new bullmq.Queue(options.name, {
      connection: client as never,
      prefix: options.prefix,
      streams: { events: { maxLen: EVENTS } },
      skipVersionCheck,
    });
    this.queueOfBullMq.on('error', ignore);
    const base = this.keyOf('');
    this.jobs = new RedisJobs(client, base);
    this.backlog = new RedisBacklog(client, options, this.jobs, base);
    this.ended = new RedisEnded(client, options, this.jobs, base);
  }

  /** @throws {TasksUsageError} `DRIVER_MISSING` {@link BrokerUnavailableError} {@link TasksConfigError} */
  static async open(options: ResolvedQueueOptions, workerId: string, lastReply: LastReply): Promise<RedisConnections> {
    const bullmq = loadDriver('bullmq', PACKAGES);
    const client = createClient(options, loadDriver('ioredis', PACKAGES), lastReply);
    try {
      await untilReady(client, options);
      const mayAsk = await withPatience(mayAskForVersion(client), lastReply, repeatablyLate);
      const clock = new ServerClock(async () => timeOf(await client.time()));
      const connections = new RedisConnections(options, workerId, lastReply, client, bullmq, clock, !mayAsk);
      const check = connections.queueOfBullMq.waitUntilReady().then(() => connections.check());
      await withPatience(Promise.all([check, clock.synchronize()]), lastReply, repeatablyLate);
      return connections;
    } catch (error) {
      client.disconnect();
      throw explain(error, options);
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
        skipVersionCheck: this.skipVersionCheck,
        ...workerOptions({ lease: this.options.lease, workerId: this.workerId }),
      });
      this.workerOfBullMq.on('error', ignore);
    }
    return this.workerOfBullMq.getBackend();
  }

  /**
   * Does what needs rights, or keys on one node of a cluster, so that wrong settings are found at boot.
   *
   * @throws an error of the client.
   */
  private async check(): Promise<void> {
    await this.store.read('strikes');
    await this.signals.publish('{"type":"work"}');
  }

  /** BullMQ's key of a job or list. */
  private keyOf(what: string): string {
    return this.queueOfBullMq.toKey(what);
  }

  /** Many at once are one pipeline of the client's. */
  addJob(job: JobJson): Promise<string> {
    return this.queue.addJob(job, job.id);
  }

  /** Calls share one connection, and take effect in their order. */
  beforeNext(call: Promise<void>): undefined {
    call.catch(ignore); // the call that follows fails as well
  }

  /** Returns true: each move is a script that claims the next job as well. */
  isOneCall(): boolean {
    return true;
  }

  lookAtJob(id: string): Promise<SeenJob | undefined> {
    return this.jobs.look(id);
  }

  readJob(id: string): Promise<SeenJob | undefined> {
    return this.jobs.read(id);
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

  async retime(id: string, at: number, memo: { readonly expected: string; readonly next: string }): Promise<boolean> {
    const [delayed, job] = ['delayed', id].map((name) => this.keyOf(name)) as [string, string];
    const delay = String(Math.max(0, at - Date.now()));
    return (await this.client.eval(RETIME, 2, delayed, job, id, memo.expected, memo.next, scoreOf(at), delay)) === 1;
  }

  async remove(id: string): Promise<boolean> {
    return (await this.queue.remove(id, false)) === 1;
  }

  renew(ids: readonly string[], tokens: readonly string[]): Promise<string[]> {
    return this.worker().extendLocks([...ids], [...tokens], this.options.lease);
  }

  async recover(): Promise<string[]> {
    const [recovered] = await Promise.all([this.worker().moveStalledJobsToWait(), this.clock.synchronize()]);
    return recovered;
  }

  async heldBy(token: string): Promise<string | undefined> {
    const ids = await this.activeIds();
    if (ids.length === 0) return undefined;
    const tokens = await this.client.mget(ids.map((id) => `${this.keyOf(id)}:lock`));
    return ids[tokens.indexOf(token)];
  }

  activeIds(): Promise<string[]> {
    return this.client.lrange(this.keyOf('active'), 0, -1);
  }

  async reinstate(id: string, token: string): Promise<void> {
    const names = ['active', 'completed', 'failed', id, `${id}:lock`];
    const keys = names.map((name) => this.keyOf(name));
    await this.client.eval(REINSTATE, keys.length, ...keys, id, token, this.options.lease);
  }

  async repair(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const damaged = await this.client.eval(REPAIR, ids.length, ...ids.map((id) => this.keyOf(id)));
    return (damaged as number[]).flatMap((at) => ids[Number(at) - 1] ?? []);
  }

  async answer<T>(call: () => Promise<T>, isRepeatable = true): Promise<T> {
    try {
      if (this.client.status !== 'ready') await untilReady(this.client, this.options);
      return await withPatience(call(), this.lastReply, isRepeatable ? repeatablyLate : late);
    } catch (error) {
      throw explain(error, this.options, isRepeatable);
    }
  }

  /** Sent again by the client, in the order of the calls, when the connection is back. */
  async persist<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw explain(error, this.options);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.signals.close();
    // It waits for work, perhaps for seconds, and its connection may be one that is just being made.
    await soon(this.workerOfBullMq?.getBackend().disconnectBlocking(false));
    await soon(this.workerOfBullMq?.close(true));
    await soon(this.queueOfBullMq.close());
    await soon(this.workerOfBullMq?.getBackend().disconnect());
    this.client.disconnect();
  }
}

/** Returns BullMQ's score of a delayed job: its time, and room to order jobs of one millisecond. */
function scoreOf(at: number): string {
  return String(Math.ceil(at) * 0x1000);
}

/** Redis answers with seconds and microseconds. */
function timeOf([seconds, microseconds]: readonly number[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

/** BullMQ asks for it with INFO, which managed servers may keep from their users. */
async function mayAskForVersion(client: Redis): Promise<boolean> {
  try {
    await client.info('server');
    return true;
  } catch (error) {
    if (String((error as Error).message).startsWith('NOPERM')) return false;
    throw error;
  }
}

function late(): Error {
  return unavailable('no answer', { isRepeatable: false });
}

function repeatablyLate(): Error {
  return unavailable('no answer', { isRepeatable: true });
}

function ignore(): void {}
