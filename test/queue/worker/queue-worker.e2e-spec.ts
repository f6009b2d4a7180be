import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Inject,
  Injectable,
  Module,
  Scope,
  type ModuleMetadata,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import {
  Durable,
  ExecutionCancelledError,
  Perpetual,
  Shielded,
  TaskContext,
  TaskQueue,
  type Execution,
} from 'nestjs-tasks';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { LogLines } from '../../support/log-lines.js';
import { compile } from '../../support/module.js';
import { expectCounts } from '../../support/expect-soon.js';
import { observe, startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Jobs {
  readonly starts: unknown[] = [];
  readonly reasons: unknown[] = [];
  readonly ends: unknown[] = [];
  readonly go = new Gate();

  constructor(private readonly context: TaskContext) {}

  /** Comes again and again, and takes its time. */
  @Perpetual({ every: 150 })
  async tick(): Promise<void> {
    this.starts.push(Date.now());
    await sleep(50);
  }

  @Durable('jobs.echo')
  echo(what: unknown): unknown {
    this.starts.push(what);
    return what;
  }

  /** Stops when it is asked to. */
  @Durable('jobs.polite')
  async polite(what: unknown): Promise<unknown> {
    this.starts.push(what);
    const { signal } = this.context;
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        const { reason } = this.context.signal; // in the run's context, whichever process has asked
        this.reasons.push((reason as { reason?: unknown }).reason ?? reason);
        reject(reason as Error);
      });
    });
    await Promise.race([this.go.passed, aborted]);
    this.ends.push(what);
    return what;
  }

  /** Goes on, whatever it is asked. */
  @Durable('jobs.deaf')
  async deaf(what: unknown): Promise<unknown> {
    this.starts.push(what);
    await this.go.passed;
    this.ends.push(what);
    return what;
  }

  @Shielded()
  @Durable('jobs.shielded')
  async shielded(what: unknown): Promise<unknown> {
    this.starts.push(what);
    await this.go.passed;
    this.ends.push(what);
    return what;
  }

  @Durable('jobs.flaky', { retry: { attempts: 3, delay: 0 } })
  async flaky(what: unknown): Promise<unknown> {
    const { attempt } = this.context;
    this.starts.push(attempt);
    if (attempt === 1) throw new Error('bad');
    return attempt === 2 ? this.polite(what) : what;
  }
}

async function startJobs(space: ReturnType<typeof brokerSpace>, options?: QueueContextOptions) {
  const test = await startQueue(space, { providers: [Jobs] }, options);
  return { ...test, jobs: test.context.get(Jobs) };
}

describe.each(BROKERS)('a worker: $label', (kind) => {
  const space = brokerSpace(kind);
  const start = (options?: QueueContextOptions) => startJobs(space, options);

  describe('at the start of the application', () => {
    @Injectable()
    class EarlyBird implements OnModuleInit, OnApplicationBootstrap {
      readonly added: Execution[] = [];
      constructor(
        private readonly queue: TaskQueue,
        private readonly jobs: Jobs,
      ) {}

      async onModuleInit(): Promise<void> {
        this.added.push(await this.queue.add(this.jobs.echo, { key: 'init' })('init'));
        this.added.push(await this.queue.add('jobs.echo', { key: 'init' })('again'));
      }

      async onApplicationBootstrap(): Promise<void> {
        this.added.push(await this.queue.add(this.jobs.echo)('bootstrap'));
      }
    }

    it('lets hooks add, and wait until that is done', async () => {
      await using test = await startQueue(space, { providers: [Jobs, EarlyBird] });
      const { added } = test.context.get(EarlyBird);
      expect(added.map(({ disposition }) => disposition)).toEqual(['scheduled', 'already-scheduled', 'scheduled']);
      expect(await added[0]?.result()).toBe('init');
      expect(await added[2]?.result()).toBe('bootstrap');
    });

    it('lets hooks add from modules that are initialized before and after ours', async () => {
      @Module({ providers: [Jobs, EarlyBird], exports: [Jobs, EarlyBird] })
      class FeatureModule {}
      await using test = await startQueue(space, { imports: [FeatureModule] });
      const { added } = test.context.get(EarlyBird, { strict: false });
      expect(await added[2]?.result()).toBe('bootstrap');
    });

    it('claims nothing before all other hooks have ended', async () => {
      const order: string[] = [];

      @Injectable()
      class Slow implements OnModuleInit, OnApplicationBootstrap {
        constructor(private readonly queue: TaskQueue) {}

        async onModuleInit(): Promise<void> {
          await this.queue.add('slow.run')();
          await sleep(50);
          order.push('initialized');
        }

        async onApplicationBootstrap(): Promise<void> {
          await sleep(100);
          order.push('bootstrapped');
        }

        @Durable('slow.run')
        run(): void {
          order.push('run');
        }
      }

      @Module({ providers: [Slow] })
      class SlowModule {}

      @Injectable()
      class Later implements OnApplicationBootstrap {
        async onApplicationBootstrap(): Promise<void> {
          await sleep(150);
          order.push('root bootstrapped');
        }
      }
      await using test = await startQueue(space, { imports: [SlowModule], providers: [Later] });
      await test.queue.runUntilFinished();
      expect(order).toEqual(['initialized', 'bootstrapped', 'root bootstrapped', 'run']);
    });
  });

  it('runs no more executions at once than its concurrency, and all of them', async () => {
    let [running, most, done] = [0, 0, 0];

    @Injectable()
    class Busy {
      @Durable('busy.run')
      async run(): Promise<void> {
        running += 1;
        most = Math.max(most, running);
        await sleep(5);
        running -= 1;
        done += 1;
      }
    }
    await using test = await startQueue(space, { providers: [Busy] }, { concurrency: 4 });
    await Promise.all(Array.from({ length: 40 }, () => test.queue.add('busy.run')()));
    await test.queue.runUntilFinished();
    expect([most, done]).toEqual([4, 40]);
  });

  it('does not take slots from request tasks', async () => {
    await using test = await start({ concurrency: 2 });
    const held = await test.queue.add(test.jobs.deaf)(1);
    await until(() => test.jobs.starts.length === 1, 'it to run');
    expect(await test.scheduler.schedule(() => 'free').result()).toBe('free');
    test.jobs.go.pass();
    await held.result();
  });

  it('only adds with worker: false', async () => {
    await using test = await start({ worker: false });
    const execution = await test.queue.add(test.jobs.echo)('x');
    await expect(execution.result({ timeout: 150 })).rejects.toThrow('(state: queued)');
    expect([test.jobs.starts, await test.queue.workers()]).toEqual([[], []]);
    await test.queue.runUntilFinished();
    expect(test.jobs.starts).toEqual(['x']);
  });

  describe('leaves a method as it was for those who', () => {
    it('call it', async () => {
      await using test = await start();
      expect(test.jobs.echo('direct')).toBe('direct');
      expect(test.queue.counts.started).toBe(0);
    });

    it('schedule it in the process', async () => {
      await using test = await start();
      const { scheduler, jobs, queue } = test;
      const task = scheduler.schedule(jobs.echo, 'in process');
      expect(await task.result()).toBe('in process');
      expect(task.name).toBe('jobs.echo');
      expect(queue.counts.started).toBe(0);
      expect((await queue.snapshot()).total).toBe(0);
    });
  });

  it('hands back what it does not know, with a warning, and keeps all attempts', async () => {
    await using test = await start({ lease: 800 });
    const execution = await test.queue.add('elsewhere.run', { remote: true, key: 'k' })();
    // Between two claims, whose offers follow each other.
    const isHandedBack = async () =>
      (await execution.refresh()).state === 'scheduled' && execution.reason !== undefined;
    await until(isHandedBack, 'it to be handed back');
    expect(execution.attempt).toBe(1);
    expect(execution.reason).toBe("task 'elsewhere.run' is not declared in the worker");
    await until(() => test.queue.counts.released >= 2, 'it to be offered again');
    await execution.refresh();
    expect([execution.attempt, test.queue.counts.started]).toEqual([1, 0]);
    expect(test.logs.matching('elsewhere.run')[0]).toMatch(
      /^warn Execution elsewhere\.run \(k\) was released for 100ms: task 'elsewhere\.run' is not declared in this process\./,
    );
    // Beside it, others run as ever.
    expect(await (await test.queue.add(test.jobs.echo)('known')).result()).toBe('known');
    expect(['cancelled', 'signalled']).toContain(await test.queue.cancel('k'));
  });

  it('forges no log lines with keys that hold line breaks', async () => {
    await using test = await start({ lease: 800 });
    const key = 'k\nerror Everything is broken';
    await test.queue.add('elsewhere.run', { remote: true, key })();
    await until(() => test.queue.counts.released >= 1, 'it to be handed back');
    const lines = test.logs.matching('Everything is broken');
    expect(lines[0]).toContain('k\\u000aerror');
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
    await test.queue.cancel(key);
  });

  it('stops a run whose lease it has lost, and records the end of the next one only', async () => {
    const lease = 300;
    const reasons: unknown[] = [];
    let starts = 0;

    @Injectable()
    class Blocking {
      constructor(private readonly context: TaskContext) {}

      @Durable('blocking.run', { retry: { attempts: 3, delay: 0 } })
      async run(): Promise<string> {
        if (++starts > 1) return `start ${starts}, attempt ${this.context.attempt}`;
        const { signal } = this.context;
        for (const end = performance.now() + 2 * lease; performance.now() < end;); // nothing is renewed meanwhile
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        reasons.push(signal.reason);
        return 'of a zombie';
      }
    }
    await using test = await startQueue(space, { providers: [Blocking] }, { lease });
    const execution = await test.queue.add('blocking.run', { key: 'k' })();
    expect(await execution.result()).toBe('start 2, attempt 1');
    expect(reasons).toMatchObject([{ code: 'TASK_CANCELLED', cause: { code: 'LEASE_LOST' } }]);
    await expectCounts(test.queue, { started: 2, leasesLost: 1, recovered: 1, completed: 1, retried: 0 });
    expect(test.logs.matching('lost its lease')).toHaveLength(1);
  });

  describe('after crashes', () => {
    const LEASE = 500;
    const POISON = 'poison.run';

    @Injectable()
    class Poison {
      readonly starts: number[] = [];
      constructor(private readonly context: TaskContext) {}

      @Durable(POISON, {
        retry: { attempts: 5, delay: 0 },
        onError: (_task, error) => void alarms.push((error as Error).name),
      })
      run(): number {
        this.starts.push(this.context.attempt);
        return this.starts.length;
      }
    }
    const alarms: string[] = [];

    /** While its only worker is busy, others claim it and die: so many times. */
    async function startCrashed(times: number) {
      const options = { concurrency: 1, lease: LEASE };
      const test = await startQueue(space, { providers: [Jobs, Poison] }, options);
      const [jobs, poison] = [test.context.get(Jobs), test.context.get(Poison)];
      await test.queue.add(jobs.deaf)('busy');
      await until(() => jobs.starts.length === 1, 'the worker to be busy');
      const execution = await test.queue.add(poison.run, { key: 'k' })();
      await using broker = observe(space, test, { lease: LEASE });
      for (let crashes = 0; crashes < times; crashes += 1) {
        expect(await broker.runs.claim()).toBeDefined();
        await until(async () => {
          await broker.runs.recover();
          return (await broker.executions.get('k'))?.state === 'queued';
        }, 'the lease to expire');
      }
      jobs.go.pass();
      return { ...test, execution, poison };
    }

    it('starts what others have left, with the attempts that it had', async () => {
      await using test = await startCrashed(4);
      expect(await test.execution.result()).toBe(1);
      expect([test.execution.attempt, test.poison.starts]).toEqual([1, [1]]);
    });

    it('gives up on what has lost its worker too often, without a retry', async () => {
      await using test = await startCrashed(5);
      const result = test.execution.result();
      await expect(result).rejects.toMatchObject({ name: 'TaskCrashedError', code: 'TASK_CRASHED' });
      await expect(result).rejects.toThrow('The worker died 5 times in a row while it ran task poison.run');
      expect([test.execution.state, test.poison.starts]).toEqual(['failed', []]);
      expect(alarms.splice(0)).toEqual(['TaskCrashedError']);
    });
  });

  describe('in shutdown', () => {
    it('stops what is not shielded, and hands it back with no attempt lost', async () => {
      const test = await start();
      const { queue, jobs } = test;
      await queue.add(jobs.flaky, { key: 'k' })('x');
      await until(() => jobs.starts.includes('x'), 'the second attempt');
      await using observer = observe(space, test);
      await test.context.close();
      expect(jobs.reasons).toEqual(['shutdown']);
      expect(await observer.executions.get('k')).toMatchObject({
        state: 'queued',
        attempt: 2,
        starts: 2,
        reason: 'shutdown',
      });
      expect(queue.counts).toMatchObject({ released: 1, failed: 0, cancelled: 0 });
      expect(test.logs.matching('was released')).toEqual(['log Execution jobs.flaky (k) was released: shutdown Tasks']);
      const claim = await observer.runs.claim();
      expect(claim).toMatchObject({ crashes: 0, record: { key: 'k', attempt: 2 } });
    });

    it('claims nothing any more', async () => {
      const test = await start({ concurrency: 1 });
      const { queue, jobs } = test;
      await queue.add(jobs.polite, { key: 'running' })('running');
      await until(() => jobs.starts.length === 1, 'it to run');
      await queue.add(jobs.echo, { key: 'waiting' })('waiting');
      await using observer = observe(space, test);
      await test.context.close();
      expect(jobs.starts).toEqual(['running']);
      expect(await observer.executions.get('waiting')).toMatchObject({ state: 'queued', starts: 0 });
    });

    it('waits for what is shielded, longer than its lease', async () => {
      const lease = 2_000; // of a process that shares its cores
      const test = await start({ lease });
      const { queue, jobs } = test;
      await queue.add(jobs.shielded, { key: 'k' })('x');
      await until(() => jobs.starts.length === 1, 'it to run');
      await using observer = observe(space, test);
      let isClosed = false;
      const closed = test.context.close().then(() => (isClosed = true));
      const end = performance.now() + 3 * lease;
      let crashed = 0;
      while (performance.now() < end) {
        crashed += (await observer.runs.recover()).crashed;
        expect(await observer.runs.claim()).toBeUndefined();
        await sleep(20);
      }
      expect([isClosed, crashed]).toEqual([false, 0]);
      jobs.go.pass();
      await closed;
      expect(await observer.executions.get('k')).toMatchObject({ state: 'completed', attempt: 1, starts: 1 });
      expect([jobs.starts, jobs.ends]).toEqual([['x'], ['x']]);
    });

    it('hands back at its end what does not stop', async () => {
      const test = await start({ shutdown: { gracePeriod: 50 } });
      const { queue, jobs } = test;
      await queue.add(jobs.deaf, { key: 'k' })('x');
      await until(() => jobs.starts.length === 1, 'it to run');
      await using observer = observe(space, test);
      await test.context.close();
      expect(await observer.executions.get('k')).toMatchObject({
        state: 'queued',
        attempt: 1,
        starts: 1,
        reason: 'shutdown',
      });
      expect(test.logs.matching('abandons')).toHaveLength(1);
      jobs.go.pass(); // what it returns now is of no consequence
      await sleep(20);
      expect(await observer.executions.get('k')).toMatchObject({ state: 'queued' });
    });

    it('keeps what does not stop to itself until its end', async () => {
      const ended = new Gate();

      @Injectable()
      class Last implements OnApplicationShutdown {
        constructor(private readonly jobs: Jobs) {}

        async onApplicationShutdown(): Promise<void> {
          this.jobs.starts.push('shutdown hook of the application');
          ended.pass();
        }
      }
      const test = await startQueue(space, { providers: [Jobs, Last] }, { shutdown: { gracePeriod: 30 } });
      const jobs = test.context.get(Jobs);
      await test.queue.add(jobs.deaf, { key: 'k' })('x');
      await until(() => jobs.starts.length === 1, 'it to run');
      await using observer = observe(space, test);
      await test.context.close();
      await ended.passed;
      // It was handed back before connections of others are closed.
      expect(await observer.executions.get('k')).toMatchObject({ state: 'queued', reason: 'shutdown' });
    });

    it('records what ends by itself meanwhile', async () => {
      const test = await start();
      const { queue, jobs } = test;
      await queue.add(jobs.deaf, { key: 'k' })('x');
      await until(() => jobs.starts.length === 1, 'it to run');
      await using observer = observe(space, test);
      const closed = test.context.close();
      await until(() => test.logs.matching('Shutdown cancels').length > 0, 'the shutdown');
      jobs.go.pass();
      await closed;
      expect(await observer.executions.get('k')).toMatchObject({ state: 'completed', result: '["x"]' });
    });

    it('stops what has been claimed, and waits for its provider still', async () => {
      const made = new Gate();
      let isAsked = false;

      @Injectable({ scope: Scope.REQUEST })
      class Slow {
        constructor(
          @Inject(REQUEST) readonly execution: unknown,
          @Inject('SLOW') readonly slow: unknown,
          private readonly context: TaskContext,
        ) {}

        @Durable('slow.run')
        run(): Promise<never> {
          const { signal } = this.context;
          return new Promise((_resolve, reject) => {
            if (signal.aborted) reject(signal.reason as Error);
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          });
        }
      }
      const slow = {
        provide: 'SLOW',
        scope: Scope.REQUEST,
        useFactory: async () => {
          isAsked = true;
          await made.passed;
          return 'made';
        },
      };
      const test = await startQueue(space, { providers: [Slow, slow] }, { shutdown: { gracePeriod: 100 } });
      await test.queue.add('slow.run', { key: 'k' })();
      await until(() => isAsked, 'its provider to be made');
      await using observer = observe(space, test);
      const begin = performance.now();
      const closed = test.context.close();
      setTimeout(() => made.pass(), 100);
      await closed;
      expect(performance.now() - begin).toBeLessThan(1_500);
      expect(await observer.executions.get('k')).toMatchObject({ state: 'queued', attempt: 1 });
    });

    it('lets tasks that are still awaited add', async () => {
      const test = await start();
      const { queue, jobs } = test;
      await queue.add(jobs.shielded, { key: 'k' })('x');
      await until(() => jobs.starts.length === 1, 'it to run');
      await using observer = observe(space, test);
      const closed = test.context.close();
      await until(() => test.logs.matching('Shutdown waits').length > 0, 'the shutdown');
      await queue.add(jobs.echo, { key: 'follow-up' })('later');
      jobs.go.pass();
      await closed;
      expect(await observer.executions.get('follow-up')).toMatchObject({ state: 'queued', starts: 0 });
      expect(await observer.executions.get('k')).toMatchObject({ state: 'completed' });
    });

    it('is over at once where nothing runs, also twice', async () => {
      const test = await start();
      const begin = performance.now();
      await Promise.all([test.context.close(), test.context.close()]);
      expect(performance.now() - begin).toBeLessThan(2_000);
    });
  });
});

describe('a worker in memory', () => {
  async function linesIn(environment: string, metadata: ModuleMetadata): Promise<string[]> {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = environment;
    try {
      const logs = new LogLines();
      const module = await compile(metadata, {}, logs);
      await (await module.init()).close();
      return logs.matching('kept in memory');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  }

  it('says in production that what is not done is lost with the process', async () => {
    expect(await linesIn('production', { providers: [Jobs] })).toEqual([
      'warn Durable tasks are kept in memory and lost when this process ends. Set queue.url to redis://… or postgres://… in TasksModule.forRoot(). Tasks',
    ]);
    expect(await linesIn('production', {})).toEqual([]);
    expect(await linesIn('development', { providers: [Jobs] })).toEqual([]);
  });
});

// A loop, since describe.each() takes no empty table.
for (const kind of SHARED_BROKERS) {
  describe(`a fleet: ${kind.label}`, () => {
    const space = brokerSpace(kind);
    const start = (options?: QueueContextOptions) => startJobs(space, options);

    it('shares work, and runs each execution once', async () => {
      await using one = await start({ concurrency: 2 });
      await using two = await start({ fleet: one.fleet, concurrency: 2 });
      const numbers = Array.from({ length: 60 }, (_, number) => number);
      await Promise.all(numbers.map((number) => one.queue.add(one.jobs.echo)(number)));
      await one.queue.runUntilFinished();
      const ran = [...one.jobs.starts, ...two.jobs.starts].toSorted((a, b) => Number(a) - Number(b));
      expect(ran).toEqual(numbers);
      expect(one.jobs.starts.length).toBeGreaterThan(0);
      expect(two.jobs.starts.length).toBeGreaterThan(0);
    });

    it('has processes that only add', async () => {
      await using worker = await start();
      await using adder = await startQueue(space, {}, { fleet: worker.fleet, worker: false });
      const execution = await adder.queue.add('jobs.echo', { remote: true })(new Date(4));
      expect(await execution.result()).toEqual(new Date(4));
      expect(worker.jobs.starts).toEqual([new Date(4)]);
    });

    it('has processes that declare no task, and say that they only add', async () => {
      const logs = new LogLines();
      const queue = space.options(space.newQueue());
      const module = await compile({}, { queue }, logs);
      const app = await module.init();
      expect(logs.matching('No durable task')).toEqual([
        'log No durable task is declared in this process: it only adds to the queue Tasks',
      ]);
      expect(await app.get(TaskQueue).workers()).toEqual([]);
      await app.close();
    });

    it('cancels in whichever process it runs', async () => {
      await using worker = await start();
      await using other = await start({ fleet: worker.fleet, worker: false });
      const execution = await other.queue.add(other.jobs.polite, { key: 'k' })('x');
      await until(() => worker.jobs.starts.length === 1, 'it to run');
      expect(await other.queue.cancel('k', 'enough')).toBe('signalled');
      await expect(execution.result()).rejects.toThrow(ExecutionCancelledError);
      expect(worker.jobs.reasons).toEqual(['enough']);
      expect(await worker.queue.get('k')).toMatchObject({ state: 'cancelled', reason: 'enough' });
    });

    it('leaves a name that one process does not know to one that does', async () => {
      @Injectable()
      class Newer {
        readonly ran: unknown[] = [];

        @Durable('newer.run')
        run(what: unknown): unknown {
          this.ran.push(what);
          return what;
        }
      }
      await using older = await start({ lease: 1_000 });
      const execution = await older.queue.add('newer.run', { remote: true, key: 'k' })('x');
      await until(() => older.queue.counts.released > 0, 'it to be handed back');
      await using newer = await startQueue(space, { providers: [Newer] }, { fleet: older.fleet, lease: 1_000 });
      expect(await execution.result()).toBe('x');
      expect([execution.attempt, newer.context.get(Newer).ran]).toEqual([1, ['x']]);
    });

    it('knows its workers, and forgets those that have left', async () => {
      await using one = await start({ lease: 300 });
      const two = await start({ fleet: one.fleet, lease: 300, concurrency: 3 });
      const workers = await until(async () => {
        const all = await one.queue.workers();
        return all.length === 2 && all;
      }, 'two workers');
      expect(workers.map(({ concurrency }) => concurrency).toSorted()).toEqual([10, 3].toSorted());
      expect(new Set(workers.map(({ id }) => id)).size).toBe(2);
      for (const { startedAt, seenAt } of workers) {
        expect(Math.abs(startedAt.getTime() - Date.now())).toBeLessThan(10_000);
        expect(seenAt.getTime()).toBeGreaterThanOrEqual(startedAt.getTime() - 1_000);
      }
      await two.context.close();
      await until(async () => (await one.queue.workers()).length === 1, 'one worker');
    });

    it('takes over what a worker has left in its shutdown', async () => {
      const one = await start();
      const execution = await one.queue.add(one.jobs.polite, { key: 'k' })('x');
      await until(() => one.jobs.starts.length === 1, 'it to run');
      await using two = await start({ fleet: one.fleet });
      await one.context.close();
      await until(() => two.jobs.starts.length === 1, 'it to run again');
      two.jobs.go.pass();
      const found = await two.queue.get('k');
      expect(await found?.result()).toBe('x');
      expect([found?.attempt, execution.key]).toEqual([1, 'k']);
    });

    it('takes over what a worker has died with', async () => {
      await using adder = await start({ worker: false });
      const execution = await adder.queue.add(adder.jobs.echo)('x');
      await using dead = space.open(adder.fleet, { lease: 300 });
      expect(await dead.runs.claim()).toBeDefined();
      await using worker = await start({ fleet: adder.fleet, lease: 300 });
      expect(await execution.result()).toBe('x');
      expect([execution.attempt, worker.jobs.starts]).toEqual([1, ['x']]);
      expect(worker.queue.counts.recovered).toBe(1);
    });

    it('awaits what is shielded in one, while others look for expired leases', async () => {
      const lease = 1_000;
      const one = await start({ lease });
      await one.queue.add(one.jobs.shielded, { key: 'k' })('x');
      await until(() => one.jobs.starts.length === 1, 'it to run');
      await using two = await start({ fleet: one.fleet, lease });
      const closed = one.context.close();
      await sleep(3 * lease);
      one.jobs.go.pass();
      await closed;
      expect(await two.queue.get('k')).toMatchObject({ state: 'completed', attempt: 1 });
      expect([one.jobs.ends, two.jobs.starts]).toEqual([['x'], []]);
    });

    it('starts what is delayed on time, whatever it was told when something else had ended', async () => {
      const gaps = await Promise.all(
        Array.from({ length: 6 }, async () => {
          await using test = await start();
          await test.queue.add(test.jobs.tick, { key: 'k' })();
          await until(() => test.jobs.starts.length >= 5, 'five runs');
          await test.queue.cancel('k');
          const [first, , , , fifth] = test.jobs.starts as number[];
          return (fifth ?? NaN) - (first ?? NaN);
        }),
      );
      // A worker that waits for what it does not know of looks by itself every five seconds only.
      for (const gap of gaps) expect(gap).toBeLessThan(4_500);
    });

    it('replaces across processes: the new one follows when the old one has ended', async () => {
      await using worker = await start();
      await using other = await start({ fleet: worker.fleet, worker: false });
      await other.queue.add(other.jobs.deaf, { key: 'k' })('old');
      await until(() => worker.jobs.starts.length === 1, 'the old one to run');
      await other.queue.replace(other.jobs.echo, { key: 'k', when: 0 })('new');
      await sleep(50);
      expect(worker.jobs.starts).toEqual(['old']);
      worker.jobs.go.pass();
      await until(() => worker.jobs.starts.length === 2, 'the new one to run');
      expect(worker.jobs.starts).toEqual(['old', 'new']);
    });
  });
}
