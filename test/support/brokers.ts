import { randomBytes } from 'node:crypto';
import { afterAll } from '@jest/globals';
import type { RetentionTimes } from '../../lib/task/retention.js';
import type { TaskQueueOptions } from 'nestjs-tasks';
import type { Broker, BrokerLog } from '../../lib/queue/broker/broker.js';
import { createBroker } from '../../lib/queue/broker/create-broker.js';
import { systemClock } from '../../lib/queue/broker/clock.js';
import { BrokerUnavailableError, LeaseLostError } from '../../lib/queue/broker/queue-errors.js';
import { resolveQueueOptions } from '../../lib/queue/queue-options.js';
import { LEFTOVERS, type Leftover } from './leftovers.js';
import { until } from './until.js';

export type BrokerLabel = 'memory' | 'redis' | 'postgres';

export interface BrokerKind {
  readonly label: BrokerLabel;
  readonly url: string;
  /** Several processes, or what stands for them in a test, see the same executions. */
  readonly isShared: boolean;
}

function urlFrom(variable: string): string {
  const url = process.env[variable];
  if (url !== undefined && url !== '') return url;
  throw new Error(
    `${variable} is not set: the e2e project's globalSetup sets it; to run without a server, set TASKS_TEST_BROKERS=memory.`,
  );
}

const URLS: Readonly<Record<BrokerLabel, () => string>> = {
  memory: () => 'memory://',
  redis: () => urlFrom('TASKS_TEST_REDIS_URL'),
  postgres: () => urlFrom('TASKS_TEST_POSTGRES_URL'),
};

const chosen = process.env['TASKS_TEST_BROKERS']?.split(',') ?? Object.keys(URLS);

/** All brokers, for `describe.each`. */
export const BROKERS: readonly BrokerKind[] = (chosen as BrokerLabel[]).map((label) => ({
  label,
  url: URLS[label](),
  isShared: label !== 'memory',
}));

/** Those that have more than one process. */
export const SHARED_BROKERS = BROKERS.filter(({ isShared }) => isShared);

export type BrokerOverrides = Pick<TaskQueueOptions, 'retention'> & {
  /** Retention of tasks of their own, in milliseconds. */
  readonly own?: Readonly<Record<string, Partial<RetentionTimes>>>;
  lease?: number;
  workerId?: string;
  log?: BrokerLog;
};

export const IGNORED: BrokerLog = { unreadable: () => {}, signalRefused: () => {} };

/** Long enough for what a test does meanwhile, and short enough to wait for its end after the tests. */
const LEASE = 2_000;
/** Of those who empty queues: the shorter it is, the sooner they take what others have left. */
const DRAIN_LEASE = 500;
/** How many queues are emptied at once. On PostgreSQL each takes about seven of the hundred connections of all tests. */
const DRAINS = { redis: 30, postgres: 5 };

/**
 * A part of a broker that belongs to one `describe`, whose `afterAll` empties its queues, checks that nothing stays in
 * the broker for ever, and removes it.
 */
export function brokerSpace(kind: BrokerKind): BrokerSpace {
  const space = new BrokerSpace(kind);
  afterAll(() => space.remove(), 60_000);
  return space;
}

export class BrokerSpace {
  /** Of Redis keys, or the name of a schema. */
  readonly prefix = `t_${randomBytes(5).toString('hex')}`;
  private readonly queues: string[] = [];

  constructor(readonly kind: BrokerKind) {}

  /** The name of a queue that is empty. */
  newQueue(): string {
    const name = `q${this.queues.length + 1}`;
    this.queues.push(name);
    return name;
  }

  options(name: string): TaskQueueOptions {
    return { url: this.kind.url, prefix: this.prefix, name };
  }

  /** A process of the fleet, as far as the broker can tell. In memory each has a queue of its own. */
  open(
    name: string,
    { lease = LEASE, workerId = 'w-test', retention, own = {}, log = IGNORED }: BrokerOverrides = {},
  ): Broker & AsyncDisposable {
    const options = resolveQueueOptions({ ...this.options(name), worker: { lease }, retention });
    for (const [task, times] of Object.entries(own)) options.retention.declare(task, times);
    const broker = createBroker(options, systemClock, workerId, log);
    return Object.assign(broker, { [Symbol.asyncDispose]: () => broker.close() });
  }

  async remove(): Promise<void> {
    const { label, url } = this.kind;
    if (label === 'memory') return;
    const { find, remove } = LEFTOVERS[label];
    try {
      // Most tests leave nothing that has not ended.
      const busy = new Set((await find(url, this.prefix)).map(({ queue }) => queue));
      const queues = this.queues.filter((name) => busy.has(name));
      const drainNext = async (): Promise<void> => {
        for (let name = queues.pop(); name !== undefined; name = queues.pop()) await this.drain(name);
      };
      await Promise.all(Array.from({ length: DRAINS[label] }, drainNext));
      expectNone(await find(url, this.prefix));
    } finally {
      await remove(url, this.prefix);
    }
  }

  /** Brings everything to an end, also what tests have claimed and left. */
  private async drain(name: string): Promise<void> {
    await using broker = this.open(name, { workerId: 'w-drain', lease: DRAIN_LEASE });
    await until(
      async () => {
        try {
          return await drainOnce(broker);
        } catch (error) {
          // A busy machine may lose the lease on the way, or find no connection in time.
          if (error instanceof LeaseLostError || error instanceof BrokerUnavailableError) return false;
          throw error;
        }
      },
      `queue ${name} to be empty`,
      20_000,
    );
  }
}

/** Returns whether nothing is left. */
async function drainOnce(broker: Broker): Promise<boolean> {
  await broker.executions.clear('drained');
  await broker.runs.recover();
  for (let claim = await broker.runs.claim(); claim !== undefined;) {
    claim = await broker.runs.settle(claim, { type: 'complete', result: '[null]' }, true);
  }
  return (await broker.executions.size()) === 0 && (await broker.limits.pools()).length === 0;
}

function expectNone(leftovers: readonly Leftover[]): void {
  if (leftovers.length === 0) return;
  throw new Error(
    `${leftovers.length} keys or rows would stay for ever, though all executions have ended:\n${leftovers.map(({ what }) => what).join('\n')}`,
  );
}
