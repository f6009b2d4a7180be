// The examples of shadows-advanced-patterns.md, in its order.
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import {
  ConcurrencyLimit,
  Durable,
  ExecutionDroppedError,
  Logged,
  Perpetual,
  TaskContext,
  TaskQueue,
  tasks,
  type Execution,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { expectCounts, expectLines } from '../../support/expect-soon.js';
import { startQueue, type QueueContext } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Timers and clocks are that exact, in milliseconds. */
const TOLERANCE = 20;

/** The world around the tasks: what they would print, send and call. */
@Injectable()
class World {
  readonly printed: string[] = [];
  readonly alerts: string[] = [];
  readonly down = new Set<string>();
  /** In turn; the last one again and again. */
  readonly answers: unknown[] = [];

  print(line: string): void {
    this.printed.push(line);
  }

  answer(): unknown {
    return this.answers.length > 1 ? this.answers.shift() : this.answers[0];
  }
}

@Injectable()
class HealthTasks {
  constructor(private readonly world: World) {}

  @Perpetual({ every: '5m' })
  @Durable('health.check')
  check(serviceUrl: string): void {
    try {
      if (this.world.down.has(serviceUrl)) throw new Error('503');
      this.world.print(`✓ ${serviceUrl} is healthy`);
    } catch (error) {
      this.world.print(`✗ ${serviceUrl} failed health check: ${(error as Error).message}`);
      this.world.alerts.push(`Service ${serviceUrl} is down`);
    }
  }
}

@Injectable()
class CleanupTasks {
  constructor(private readonly world: World) {}

  @Perpetual({ every: '1h', automatic: true })
  backgroundCleanup(): void {
    this.world.print('Cleaned up 7 old records');
  }
}

@Injectable()
class DeploymentTasks {
  constructor(
    private readonly world: World,
    private readonly context: TaskContext,
  ) {}

  @Perpetual({ every: 30 })
  @Durable('deployments.monitor')
  monitor(deploymentId: string): string {
    const status = String(this.world.answer());
    if (['completed', 'failed'].includes(status)) {
      this.world.alerts.push(`${deploymentId} ${status}`);
      this.context.perpetual.cancel(); // Stop monitoring this deployment
      return status;
    }
    this.world.print(`Deployment ${deploymentId} status: ${status}`);
    return status;
  }
}

@Injectable()
class RateTasks {
  constructor(
    private readonly world: World,
    private readonly context: TaskContext,
  ) {}

  @Perpetual({ every: '1m' })
  @Durable('rates.adapt')
  adapt(apiEndpoint: string, requestsPerMinute = 60): void {
    const { perpetual } = this.context;
    const load = this.world.answer() as number;
    let newRate: number;
    if (load > 0.8) {
      newRate = Math.max(30, requestsPerMinute - 10);
      perpetual.every = '30s'; // Check more frequently
      this.world.print(`High load detected, reducing rate to ${newRate} req/min`);
    } else {
      newRate = Math.min(120, requestsPerMinute + 5);
      perpetual.every = '1m'; // Normal check interval
      this.world.print(`Normal load, increasing rate to ${newRate} req/min`);
    }
    perpetual.perpetuate(apiEndpoint, newRate); // Schedule next run with updated parameters
  }
}

@Injectable()
class SyncTasks {
  constructor(private readonly world: World) {}

  @Perpetual({ every: '15m' })
  @Durable('sync.resilient')
  resilient(sourceUrl: string): void {
    // This will ALWAYS reschedule, whether it succeeds or fails
    if (this.world.down.has(sourceUrl)) throw new Error(`${sourceUrl} does not answer`);
    this.world.print(`Successfully synced data from ${sourceUrl}`);
  }
}

@Injectable()
class OrderTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly world: World,
  ) {}

  @Perpetual({ every: 50 })
  @Durable('orders.findPending')
  async findPending(): Promise<void> {
    const pending = (this.world.answer() ?? []) as number[];
    for (const id of pending) await this.queue.add(this.processSingle, { key: `order:${id}` })(id);
    this.world.print(`Queued ${pending.length} orders for processing`);
  }

  @Durable('orders.processSingle')
  processSingle(orderId: number): void {
    this.world.print(`processed ${orderId}`);
  }

  @Durable('orders.process')
  process(customerId: string, amount: number, priority = 'normal'): void {
    this.world.print(`order of ${customerId} over ${amount} (${priority})`);
  }
}

@Injectable()
class PaymentTasks {
  constructor(private readonly world: World) {}

  @Durable('payments.process')
  process(
    @Logged() customerId: string, // Will be logged
    creditCard: string, // Won't be logged
    @Logged() amount = 0, // Will be logged
    @Logged() traceId = 'unknown', // Will be logged
  ): void {
    this.world.print(`${customerId} ${creditCard} ${amount} ${traceId}`);
  }

  @Durable('users.bulkUpdate')
  bulkUpdate(
    @Logged({ lengthOnly: true }) userIds: readonly string[],
    @Logged({ lengthOnly: true }) metadata: Readonly<Record<string, string>>,
    @Logged({ lengthOnly: true }) options: ReadonlySet<string>,
  ): void {
    this.world.print(`${userIds.length} ${Object.keys(metadata).length} ${options.size}`);
  }

  @Durable('orders.log')
  log(
    @Logged() customerId: string,
    card: string,
    @Logged({ lengthOnly: true }) items: readonly string[],
    @Logged({ lengthOnly: true }) meta: Readonly<Record<string, unknown>>,
  ): void {
    this.world.print(`${customerId} ${card} ${items.length} ${Object.keys(meta).length}`);
  }
}

@Injectable()
class PipelineTasks {
  constructor(private readonly context: TaskContext) {}

  @Durable('pipelines.run')
  run(datasetId: string, isBroken = false): void {
    const { logger } = this.context;
    logger.log('Starting data pipeline', { datasetId });
    try {
      logger.log('Data extraction completed');
      if (isBroken) throw new Error('transformation failed');
      logger.log('Data loading completed');
    } catch (error) {
      logger.error('Pipeline failed', { error: String(error) });
      throw error;
    }
  }
}

@Injectable()
class ChainTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly world: World,
  ) {}

  @Durable('chains.download')
  async download(url: string): Promise<void> {
    await this.queue.add(this.validate)(`file of ${url}`);
  }

  @Durable('chains.validate')
  async validate(filePath: string): Promise<void> {
    const isValid = !filePath.includes('bad');
    await this.queue.add(isValid ? this.processData : this.handleInvalid)(filePath);
  }

  @Durable('chains.process')
  processData(filePath: string): void {
    this.world.print(`stored ${filePath}`);
  }

  @Durable('chains.handleInvalid')
  handleInvalid(filePath: string): void {
    this.world.print(`refused ${filePath}`);
  }
}

@Injectable()
class DatasetTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly world: World,
    private readonly context: TaskContext,
    private readonly inside: Turnstile,
  ) {}

  @Durable('datasets.process')
  async process(datasetId: string): Promise<void> {
    const chunkIds = ['c1', 'c2', 'c3'];
    const chunks: Execution[] = [];
    for (const chunkId of chunkIds) chunks.push(await this.queue.add(this.processChunk)(datasetId, chunkId));
    // Not at an estimated time: when all of them are done.
    await this.queue.after(chunks).add(this.finalize, { key: `finalize-${datasetId}` })(datasetId, chunkIds.length);
  }

  @Durable('datasets.processChunk')
  async processChunk(datasetId: string, chunkId: string): Promise<string> {
    await this.inside.stay(chunkId, this.context.signal);
    this.world.print(`${datasetId}/${chunkId}`);
    return chunkId;
  }

  @Durable('datasets.finalize')
  finalize(datasetId: string, count: number): unknown {
    this.world.print(`finalized ${datasetId} of ${count}`);
    return this.context.outcomes.map((outcome) => (outcome.status === 'succeeded' ? outcome.value : outcome.status));
  }
}

@Injectable()
class BehaviourTasks {
  constructor(
    private readonly queue: TaskQueue,
    private readonly world: World,
  ) {}

  @Durable('users.analyze')
  async analyze(userId: string): Promise<void> {
    switch (this.world.answer()) {
      case 'churn':
        await this.queue.add(this.retain)(userId);
        break;
      case 'upsell':
        await this.queue.add(this.upsell)(userId);
        break;
      default:
        // A task may add itself: under another key, this one has not ended yet.
        await this.queue.add(this.analyze, { when: '20d', key: `behavior-check-${userId}` })(userId);
    }
  }

  @Durable('campaigns.retain')
  retain(userId: string): void {
    this.world.print(`retain ${userId}`);
  }

  @Durable('campaigns.upsell')
  upsell(userId: string): void {
    this.world.print(`upsell ${userId}`);
  }
}

@Injectable()
class LimitedTasks {
  constructor(
    private readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  private stay(name: string, ...groups: string[]): Promise<string> {
    return this.inside.stay(name, this.context.signal, groups);
  }

  @Durable('customers.process')
  processCustomer(@ConcurrencyLimit(1) customerId: number, name: string): Promise<string> {
    return this.stay(name, String(customerId));
  }

  @Durable('backups.table')
  backupTable(@ConcurrencyLimit(2) dbName: string, tableName: string): Promise<string> {
    return this.stay(`${dbName}.${tableName}`, dbName);
  }

  @Durable('users.sync')
  syncUser(userId: number, @ConcurrencyLimit(5) serviceName: string): Promise<string> {
    return this.stay(`${serviceName} ${userId}`, serviceName);
  }

  @Durable('media.process')
  processMedia(filePath: string, @ConcurrencyLimit(3) operationType: string): Promise<string> {
    return this.stay(filePath, operationType);
  }

  @Durable('tenants.process')
  processTenant(
    @ConcurrencyLimit(2, { scope: 'tenant_operations' }) tenantId: string,
    operation: string,
  ): Promise<string> {
    return this.stay(`${tenantId} ${operation}`, tenantId);
  }

  @Durable('tenants.report')
  reportTenant(
    @ConcurrencyLimit(2, { scope: 'tenant_operations' }) tenantId: string,
    operation: string,
  ): Promise<string> {
    return this.stay(`${tenantId} ${operation}`, tenantId);
  }

  @Durable('global.process')
  processGlobal(@ConcurrencyLimit(1, { scope: 'global_operations' }) dataType: string, name: string): Promise<string> {
    return this.stay(name, `global ${dataType}`);
  }

  @Durable('exports.user')
  exportUser(
    @ConcurrencyLimit(1) userId: number,
    @ConcurrencyLimit(3) exportType: string,
    @ConcurrencyLimit(10) region: string,
    name: string,
  ): Promise<string> {
    return this.stay(name, `user ${userId}`, exportType, region);
  }
}

interface SeedContext<T> extends QueueContext {
  readonly world: World;
  readonly jobs: T;
  readonly inside: Turnstile;
}

describe.each(BROKERS)('advanced task patterns: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start<T>(host: Type<T>, concurrency = 10): Promise<SeedContext<T>> {
    const test = await startQueue(space, { providers: [World, Turnstile, host] }, { concurrency });
    const { context } = test;
    return { ...test, world: context.get(World), jobs: context.get(host), inside: context.get(Turnstile) };
  }

  /** Its next run, after at least so many. */
  async function nextRun({ queue }: QueueContext, key: string, runs: () => number, count: number): Promise<Execution> {
    return until(async () => {
      const execution = runs() >= count && (await queue.get(key));
      return execution && execution.state === 'scheduled' && execution;
    }, `the next run of ${key}`);
  }

  describe('perpetual tasks', () => {
    it('basic: a health check each five minutes', async () => {
      await using test = await start(HealthTasks);
      const { queue, jobs, world } = test;
      world.down.add('https://down.example.com');
      for (const url of ['https://api.example.com', 'https://down.example.com']) {
        const before = Date.now();
        await queue.add(jobs.check, { key: url })(url); // once: it runs every 5 minutes forever
        const { printed } = world;
        const next = await nextRun(test, url, () => printed.filter((line) => line.includes(url)).length, 1);
        expect(next.when.getTime()).toBeGreaterThanOrEqual(before + 5 * MINUTE - TOLERANCE);
        expect(next.when.getTime()).toBeLessThanOrEqual(Date.now() + 5 * MINUTE);
        expect(next.args).toEqual([url]);
      }
      expect(world.printed).toEqual([
        '✓ https://api.example.com is healthy',
        '✗ https://down.example.com failed health check: 503',
      ]);
      expect(world.alerts).toEqual(['Service https://down.example.com is down']);
      await queue.clear();
    });

    it('automatic: a cleanup that begins when a worker starts', async () => {
      await using test = await start(CleanupTasks);
      const { queue, world } = test;
      const next = await nextRun(test, 'CleanupTasks.backgroundCleanup', () => world.printed.length, 1);
      expect(next.when.getTime()).toBeGreaterThan(Date.now() + HOUR / 2);
      expect(world.printed).toEqual(['Cleaned up 7 old records']);
      await queue.clear();
    });

    it('self-cancelling: a deployment is monitored until it has ended', async () => {
      await using test = await start(DeploymentTasks);
      const { queue, jobs, world } = test;
      world.answers.push('building', 'testing', 'completed');
      const monitor = await queue.add(jobs.monitor)('d-1');
      expect(await monitor.result({ timeout: '8s' })).toBe('completed');
      await queue.runUntilFinished();
      expect(world.printed).toEqual(['Deployment d-1 status: building', 'Deployment d-1 status: testing']);
      expect(world.alerts).toEqual(['d-1 completed']);
    });

    it('dynamic parameters: a rate that adapts to the load', async () => {
      await using test = await start(RateTasks);
      const { queue, jobs, world } = test;
      world.answers.push(0.9, 0.2);
      const before = Date.now();
      await queue.add(jobs.adapt, { key: 'k' })('/api');
      const high = await nextRun(test, 'k', () => world.printed.length, 1);
      expect(high.args).toEqual(['/api', 50]);
      expect(high.when.getTime()).toBeGreaterThanOrEqual(before + MINUTE / 2 - TOLERANCE);
      expect(high.when.getTime()).toBeLessThanOrEqual(Date.now() + MINUTE / 2);
      const later = Date.now();
      await queue.replace(jobs.adapt, { key: 'k', when: 0 })('/api', 50); // half a minute later
      const normal = await nextRun(test, 'k', () => world.printed.length, 2);
      expect(normal.args).toEqual(['/api', 55]);
      expect(normal.when.getTime()).toBeGreaterThanOrEqual(later + MINUTE - TOLERANCE);
      expect(world.printed).toEqual([
        'High load detected, reducing rate to 50 req/min',
        'Normal load, increasing rate to 55 req/min',
      ]);
      await queue.clear();
    });

    it('error resilience: a sync goes on whether it succeeds or fails', async () => {
      await using test = await start(SyncTasks);
      const { queue, jobs, world, logs } = test;
      world.down.add('https://source');
      await queue.add(jobs.resilient, { key: 'k' })('https://source');
      const failed = await nextRun(test, 'k', () => logs.matching('https://source does not answer').length, 1);
      expect(failed.when.getTime()).toBeGreaterThan(Date.now() + 10 * MINUTE);
      expect(failed.error?.message).toBe('https://source does not answer');
      world.down.clear();
      await queue.replace(jobs.resilient, { key: 'k', when: 0 })('https://source');
      const succeeded = await nextRun(test, 'k', () => world.printed.length, 1);
      expect(succeeded.when.getTime()).toBeGreaterThan(Date.now() + 10 * MINUTE);
      expect(world.printed).toEqual(['Successfully synced data from https://source']);
      await expectCounts(queue, { failed: 1, completed: 1, rescheduled: 2 });
      await queue.clear();
    });

    it('find & flood: one finds the work, many do it', async () => {
      await using test = await start(OrderTasks);
      const { queue, jobs, world } = test;
      world.answers.push([1, 2, 3], [], [4], []);
      await queue.add(jobs.findPending, { key: 'find' })();
      await until(() => world.printed.filter((line) => line.startsWith('Queued')).length >= 4, 'four looks');
      await queue.cancel('find');
      await queue.runUntilFinished();
      expect(world.printed.filter((line) => line.startsWith('processed')).toSorted()).toEqual(
        [1, 2, 3, 4].map((id) => `processed ${id}`),
      );
      expect(world.printed.filter((line) => line.startsWith('Queued')).slice(0, 4)).toEqual(
        [3, 0, 1, 0].map((count) => `Queued ${count} orders for processing`),
      );
    });
  });

  describe('striking and restoring tasks', () => {
    it('entire task types', async () => {
      await using test = await start(OrderTasks);
      const { queue, jobs, world } = test;
      await queue.strike(jobs.process);
      const struck = [await queue.add(jobs.process)('12345', 1), await queue.add(jobs.process)('67890', 2)];
      for (const execution of struck) await expect(execution.result()).rejects.toThrow(ExecutionDroppedError);
      await queue.restore(jobs.process);
      await (await queue.add(jobs.process)('12345', 3)).result();
      await queue.runUntilFinished();
      expect(world.printed).toEqual(['order of 12345 over 3 (normal)']);
    });

    it('by parameter values', async () => {
      await using test = await start(OrderTasks);
      const { queue, jobs, world } = test;
      const { process } = jobs;
      await queue.strike(null, 'customerId', '==', '12345');
      await queue.strike(process, 'priority', '<=', 'low');
      await queue.strike(process, 'amount', '>', 10_000);
      const dispositions: unknown[] = [];
      const addAll = async (): Promise<void> => {
        for (const args of [
          ['12345', 1],
          ['67890', 1, 'low'],
          ['67890', 10_001],
          ['67890', 10_000, 'medium'],
        ] as [string, number, string?][]) {
          dispositions.push((await queue.add(process)(...args)).disposition);
        }
      };
      await addAll();
      expect(dispositions.splice(0)).toEqual(['struck', 'struck', 'struck', 'scheduled']);
      await queue.restore(null, 'customerId', '==', '12345');
      await queue.restore(process, 'priority', '<=', 'low');
      await addAll();
      expect(dispositions.splice(0)).toEqual(['scheduled', 'scheduled', 'struck', 'scheduled']);
      await queue.restore(process, 'amount', '>', 10_000);
      await queue.runUntilFinished();
      expect(world.printed).toHaveLength(4);
    });

    it('specific combinations: each is enough', async () => {
      await using test = await start(OrderTasks);
      const { queue, jobs, world } = test;
      const { process } = jobs;
      await queue.strike(process, 'customerId', '==', '12345');
      await queue.strike(process, 'amount', '>', 1_000);
      const dispositions = [
        await queue.add(process)('12345', 500), // blocked customer
        await queue.add(process)('12345', 2_000), // blocked customer, and high amount
        await queue.add(process)('67890', 2_000), // any match strikes: the high amount alone
        await queue.add(process)('67890', 500),
      ].map(({ disposition }) => disposition);
      expect(dispositions).toEqual(['struck', 'struck', 'struck', 'scheduled']);
      await queue.restore(process, 'customerId', '==', '12345');
      await queue.restore(process, 'amount', '>', 1_000);
      expect(await queue.strikes()).toEqual([]);
      await queue.runUntilFinished();
      expect(world.printed).toEqual(['order of 67890 over 500 (normal)']);
    });
  });

  describe('advanced logging and debugging', () => {
    it('argument logging', async () => {
      await using test = await start(PaymentTasks);
      const { queue, jobs, logs } = test;
      await (await queue.add(jobs.process, { key: 'p' })('12345', '4111 1111', 150, 'abc-123')).result();
      await (await queue.add(jobs.process, { key: 'd' })('12345', '4111 1111')).result();
      await expectLines(
        () => logs.matching('starts'),
        [
          "debug Execution p starts: payments.process(customerId='12345', creditCard=…, amount=150, traceId='abc-123') Tasks",
          "debug Execution d starts: payments.process(customerId='12345', creditCard=…) Tasks",
        ],
      );
      expect(logs.matching('4111')).toEqual([]);
    });

    it('collection length logging', async () => {
      await using test = await start(PaymentTasks);
      const { queue, jobs, logs } = test;
      const userIds = Array.from({ length: 150 }, (_, number) => `u${number}`);
      const metadata = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((key) => [key, key]));
      await (await queue.add(jobs.bulkUpdate, { key: 'b' })(userIds, metadata, new Set(['x', 'y', 'z']))).result();
      await (await queue.add(jobs.log, { key: 'o' })('12345', '4111', ['1', '2', '3'], { a: 1, b: 2 })).result();
      await expectLines(
        () => logs.matching('starts'),
        [
          'debug Execution b starts: users.bulkUpdate(userIds=[len 150], metadata={len 5}, options={len 3}) Tasks',
          "debug Execution o starts: orders.log(customerId='12345', card=…, items=[len 3], meta={len 2}) Tasks",
        ],
      );
      expect(logs.matching('4111')).toEqual([]);
    });

    it('task context logging', async () => {
      await using test = await start(PipelineTasks);
      const { queue, jobs, logs } = test;
      await (await queue.add(jobs.run, { key: 'good' })('set-1')).result();
      await expect((await queue.add(jobs.run, { key: 'bad' })('set-2', true)).result()).rejects.toThrow(
        'transformation failed',
      );
      const [{ id: worker } = { id: '' }] = await queue.workers();
      for (const [key, level, message] of [
        ['good', 'log', 'Starting data pipeline'],
        ['good', 'log', 'Data loading completed'],
        ['bad', 'error', 'Pipeline failed'],
      ] as const) {
        const lines = logs.matching(message).filter((line) => line.includes(key));
        expect(lines).toHaveLength(1);
        const [line = ''] = lines;
        expect(line.startsWith(`${level} ${message}`)).toBe(true);
        for (const part of ['pipelines.run', '"attempt":1', `"worker":"${worker}"`]) expect(line).toContain(part);
      }
      expect(logs.matching('Starting data pipeline')[0]).toContain('{"datasetId":"set-1"}');
    });

    it('built-in utility tasks', async () => {
      await using test = await start(PipelineTasks);
      const { queue, logs } = test;
      await (await queue.add(tasks.trace)('System startup completed')).result();
      await (await queue.add(tasks.trace)('Processing batch 123')).result();
      const failing = await queue.add(tasks.fail)('Testing error notification system');
      await expect(failing.result()).rejects.toThrow('Testing error notification system');
      expect(logs.matching('log System startup completed')).toHaveLength(1);
      expect(logs.matching('log Processing batch 123')).toHaveLength(1);
      expect(logs.matching('failed: Testing error notification system')).toHaveLength(1);
    });
  });

  describe('task chain patterns', () => {
    it('sequential processing', async () => {
      await using test = await start(ChainTasks);
      const { queue, jobs, world } = test;
      await queue.add(jobs.download)('good');
      await queue.add(jobs.download)('bad');
      await queue.runUntilFinished();
      expect(world.printed.toSorted()).toEqual(['refused file of bad', 'stored file of good']);
      await expectCounts(queue, { completed: 6 });
    });

    it('fan-out processing, with a real barrier', async () => {
      await using test = await start(DatasetTasks);
      const { queue, jobs, world, inside } = test;
      await queue.add(jobs.process)('d1');
      await until(() => inside.names.length === 3, 'all chunks to run in parallel');
      const finalize = await until(async () => {
        const found = await queue.get('finalize-d1');
        return found?.state === 'parked' && found;
      }, 'the end to wait');
      inside.letOut('c2');
      inside.letOut('c1');
      await until(() => world.printed.length === 2, 'two chunks to end');
      expect((await finalize.refresh()).state).toBe('parked');
      inside.letOut('c3');
      expect(await finalize.result({ timeout: '8s' })).toEqual(['c1', 'c2', 'c3']);
      expect(world.printed.at(-1)).toBe('finalized d1 of 3');
      expect(world.printed).toHaveLength(4);
    });

    it('conditional workflows', async () => {
      await using test = await start(BehaviourTasks, 1);
      const { queue, jobs, world } = test;
      world.answers.push('churn', 'upsell', 'satisfied');
      for (const userId of ['u1', 'u2', 'u3']) {
        await (await queue.add(jobs.analyze)(userId)).result();
      }
      const check = await queue.get('behavior-check-u3');
      expect(check).toMatchObject({ state: 'scheduled', name: 'users.analyze', args: ['u3'] });
      expect(check!.when.getTime()).toBeGreaterThan(Date.now() + 19 * 24 * HOUR);
      await queue.clear();
      await queue.runUntilFinished();
      expect(world.printed).toEqual(['retain u1', 'upsell u2']);
    });
  });

  describe('concurrency control', () => {
    /** Adds one after the other, each when it is known what has become of the one before. */
    async function settled({ queue, inside }: SeedContext<LimitedTasks>, count: number, parked: number): Promise<void> {
      await until(async () => {
        const { counts } = await queue.snapshot({ limit: 0 });
        const isQuiet = counts.queued === 0 && counts.running === count && counts.parked === parked;
        return isQuiet && inside.names.length === count;
      }, `${count} to run and ${parked} to be parked`);
    }

    async function finish({ queue, inside }: SeedContext<LimitedTasks>, count: number): Promise<void> {
      inside.open();
      await queue.runUntilFinished();
      expect(new Set(inside.entered).size).toBe(count);
      expect(inside.entered).toHaveLength(count);
    }

    it('basic concurrency limits', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs, inside } = test;
      for (const name of ['1001 a', '1001 b', '1001 c']) await queue.add(jobs.processCustomer)(1001, name);
      await queue.add(jobs.processCustomer)(2001, '2001'); // in parallel
      await queue.add(jobs.processCustomer)(3001, '3001'); // in parallel
      await settled(test, 3, 2);
      expect(inside.names.map((name) => name.slice(0, 4))).toEqual(['1001', '2001', '3001']);
      await finish(test, 5);
      expect(inside.most).toEqual(new Map([1001, 2001, 3001].map((id) => [String(id), 1])));
    });

    it('database connection pooling', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs, inside } = test;
      for (const table of ['users', 'orders', 'products', 'analytics', 'logs']) {
        await queue.add(jobs.backupTable)('production', table);
        await queue.add(jobs.backupTable)('staging', table);
      }
      await settled(test, 4, 6);
      await finish(test, 10);
      expect(inside.most).toEqual(
        new Map([
          ['production', 2],
          ['staging', 2],
        ]),
      );
    });

    it('api rate limiting', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs, inside } = test;
      for (let userId = 1; userId <= 7; userId += 1) await queue.add(jobs.syncUser)(userId, 'salesforce');
      await queue.add(jobs.syncUser)(789, 'hubspot'); // another service, in parallel
      await settled(test, 6, 2);
      expect(inside.names).toContain('hubspot 789');
      await finish(test, 8);
      expect(inside.most.get('salesforce')).toBe(5);
    });

    it('file processing limits', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs, inside } = test;
      for (const file of ['1', '2', '3', '4', '5'])
        await queue.add(jobs.processMedia)(`movie${file}`, 'video_transcode');
      for (const file of ['1', '2', '3', '4']) await queue.add(jobs.processMedia)(`photo${file}`, 'image_resize');
      await settled(test, 6, 3);
      await finish(test, 9);
      expect([...inside.most.values()]).toEqual([3, 3]);
    });

    it('custom scopes', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs, inside } = test;
      await queue.add(jobs.processTenant)('t1', 'import');
      await settled(test, 1, 0);
      await queue.add(jobs.reportTenant)('t1', 'report'); // another task, the same scope
      await settled(test, 2, 0);
      await queue.add(jobs.processTenant)('t1', 'export');
      await queue.add(jobs.reportTenant)('t1', 'summary');
      await queue.add(jobs.processGlobal)('t1', 'global 1'); // another scope, the same value
      await queue.add(jobs.processGlobal)('t1', 'global 2');
      await queue.add(jobs.processTenant)('t2', 'import');
      await settled(test, 4, 3);
      expect(inside.names.filter((name) => name.startsWith('t1'))).toEqual(['t1 import', 't1 report']);
      await finish(test, 7);
      expect(inside.most.get('t1')).toBe(2);
      expect(inside.most.get('global t1')).toBe(1);
    });

    it('multi-level concurrency: three limits on one task, and all hold', async () => {
      await using test = await start(LimitedTasks, 20);
      const { queue, jobs, inside } = test;
      const types = ['csv', 'pdf', 'xml', 'zip', 'txt'];
      const names: string[] = [];
      const add = async (userId: number, type: string): Promise<void> => {
        const name = `user ${userId} ${type} ${names.length}`;
        names.push(name);
        await queue.add(jobs.exportUser)(userId, type, 'eu', name);
      };
      await add(1, 'csv');
      await settled(test, 1, 0);
      await add(1, 'pdf'); // the user has one
      await settled(test, 1, 1);
      for (const userId of [2, 3]) await add(userId, 'csv');
      await settled(test, 3, 1);
      await add(4, 'csv'); // three of the type
      await settled(test, 3, 2);
      for (let userId = 10; userId < 17; userId += 1) await add(userId, types[1 + (userId % 4)] ?? '');
      await settled(test, 10, 2);
      await add(20, 'json'); // ten of the region
      await settled(test, 10, 3);
      await finish(test, names.length);
      for (const [group, most] of inside.most) {
        expect(most).toBeLessThanOrEqual(group.startsWith('user') ? 1 : group === 'eu' ? 10 : 3);
      }
      expect([inside.most.get('csv'), inside.most.get('eu')]).toEqual([3, 10]);
    });

    it('monitoring concurrency', async () => {
      await using test = await start(LimitedTasks);
      const { queue, jobs } = test;
      await queue.add(jobs.processCustomer, { key: 'first' })(1001, 'first');
      await settled(test, 1, 0);
      await queue.add(jobs.processCustomer, { key: 'second' })(1001, 'second');
      await queue.add(jobs.processGlobal, { key: 'third' })('users', 'third');
      await settled(test, 2, 1);
      // Check how many tasks are running for a specific limit
      const limits = await queue.limits();
      const customer = limits.find(({ owner, value }) => owner === 'customers.process' && value === 1001);
      expect(customer).toEqual({
        owner: 'customers.process',
        parameter: 'customerId',
        value: 1001,
        max: 1,
        holders: ['first'],
        waiters: ['second'],
      });
      // List all
      const lines = limits.map(
        ({ owner, value, holders }) => `${owner} ${String(value)}: ${holders.length} active tasks`,
      );
      expect(lines.toSorted()).toEqual([
        'customers.process 1001: 1 active tasks',
        'global_operations users: 1 active tasks',
      ]);
      await finish(test, 3);
      await until(async () => (await queue.limits()).length === 0, 'nobody to be left');
    });
  });
});
