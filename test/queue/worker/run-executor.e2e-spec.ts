import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import {
  currentTask,
  Durable,
  Execution,
  ExecutionCancelledError,
  OnTaskError,
  Shielded,
  TaskContext,
  TaskQueue,
  TaskTimeoutError,
  type Task,
  type TaskErrorHandler,
} from 'nestjs-tasks';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { expectCounts } from '../../support/expect-soon.js';
import { startQueue, type QueueContextOptions } from '../../support/queue-context.js';
import { until } from '../../support/until.js';
import { usageError } from '../../support/usage-error.js';

jest.setTimeout(30_000);

/** Rejects with the signal's reason when it is aborted, after the time that it takes to unwind. */
function untilAborted(signal: AbortSignal, unwinding = 0): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason as Error), unwinding));
  });
}

class Permanent extends Error {}

const RETRY = { attempts: 3, delay: 5 };

@Injectable()
class Jobs {
  readonly starts: number[] = [];
  readonly attempts: number[] = [];
  readonly journal: string[] = [];
  readonly go = new Gate();
  running = 0;
  overlaps = 0;

  constructor(private readonly context: TaskContext) {}

  private begin(): number {
    this.starts.push(performance.now());
    this.attempts.push(this.context.attempt);
    return this.context.attempt;
  }

  @Durable('jobs.once')
  once(): never {
    this.begin();
    throw new Error('bad');
  }

  @Durable('jobs.fixed', { retry: { attempts: 4, delay: 60, backoff: 'fixed' } })
  fixed(): number {
    if (this.begin() < 4) throw new Error('bad');
    return this.attempts.length;
  }

  @Durable('jobs.exponential', { retry: { attempts: 4, delay: 40 } })
  exponential(): number {
    if (this.begin() < 4) throw new Error('bad');
    return this.attempts.length;
  }

  @Durable('jobs.capped', { retry: { attempts: 4, delay: '1h', maxDelay: 30 } })
  capped(): number {
    if (this.begin() < 4) throw new Error('bad');
    return this.attempts.length;
  }

  @Durable('jobs.picky', { retry: { ...RETRY, attempts: 5, retryOn: (error) => !(error instanceof Permanent) } })
  picky(): never {
    if (this.begin() < 3) throw new Error('passing');
    throw new Permanent('for good');
  }

  @Durable('jobs.badRetryOn', {
    retry: {
      ...RETRY,
      retryOn: () => {
        throw new Error('retryOn is broken');
      },
    },
  })
  badRetryOn(): never {
    this.begin();
    throw new Error('the own error');
  }

  @Durable('jobs.slow', { timeout: 60, retry: { attempts: 3, delay: 0 } })
  async slow(): Promise<string> {
    this.begin();
    this.running += 1;
    if (this.running > 1) this.overlaps += 1;
    try {
      if (this.context.attempt === 3) return 'in time';
      return await untilAborted(this.context.signal, 80);
    } finally {
      this.running -= 1;
    }
  }

  @Durable('jobs.deaf', { timeout: 40 })
  async deaf(): Promise<void> {
    this.begin();
    await this.go.passed;
  }

  /** With the time that a cancellation takes on a busy machine. */
  @Durable('jobs.deafForLonger', { timeout: 1_000 })
  deafForLonger(): Promise<void> {
    return this.deaf();
  }

  @Durable('jobs.deafAgain', { timeout: 40, retry: { attempts: 2, delay: 0 } })
  async deafAgain(): Promise<string> {
    if (this.begin() === 1) await this.go.passed;
    return 'second';
  }

  @Durable('jobs.extend', { timeout: 300 })
  async extend(): Promise<readonly number[]> {
    const { timeout } = this.context;
    const before = timeout.remaining;
    timeout.extend(1_000);
    const extended = timeout.remaining;
    const since = performance.now();
    await sleep(350); // longer than without the extension
    const passed = performance.now() - since;
    timeout.extend();
    return [before, extended, passed, timeout.remaining];
  }

  @Durable('jobs.context')
  inContext(): unknown {
    const { key, attempt, timeout, signal, logger, task, isActive } = this.context;
    logger.log('hello');
    return {
      key,
      attempt,
      remaining: timeout.remaining,
      isAborted: signal.aborted,
      name: task.name,
      args: task.args,
      isActive,
      isSame: currentTask() === task,
    };
  }

  @Durable('jobs.cancelsItself')
  async cancelsItself(reason: string): Promise<never> {
    const { task, signal } = this.context;
    task.cancel(reason);
    signal.throwIfAborted();
    return untilAborted(signal);
  }

  key(): string {
    return this.context.key;
  }
}

describe.each(BROKERS)('a run of an execution: $label', (kind) => {
  const space = brokerSpace(kind);

  async function start(options?: QueueContextOptions) {
    const test = await startQueue(space, { providers: [Jobs] }, options);
    return { ...test, jobs: test.context.get(Jobs) };
  }

  function gaps(starts: readonly number[]): number[] {
    return starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
  }

  describe('that fails', () => {
    it('is not tried again unless told so', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.once, { key: 'k' })();
      await expect(execution.result()).rejects.toThrow('bad');
      expect(test.jobs.attempts).toEqual([1]);
      expect(execution).toMatchObject({ state: 'failed', attempt: 1 });
      await expectCounts(test.queue, { started: 1, failed: 1, retried: 0 });
      expect(test.logs.matching('failed').map((line) => line.split('\n')[0])).toEqual([
        expect.stringMatching(/^error Task jobs\.once#\d+ failed: bad /),
      ]);
    });

    it('is tried again after a fixed delay', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.fixed, { key: 'k' })();
      expect(await execution.result()).toBe(4);
      expect(test.jobs.attempts).toEqual([1, 2, 3, 4]);
      for (const gap of gaps(test.jobs.starts)) expect(gap).toBeGreaterThan(55);
      expect(execution.attempt).toBe(4);
      await expectCounts(test.queue, { added: 1, started: 4, retried: 3, completed: 1, failed: 0 });
      expect(test.logs.matching('is retried in')).toEqual(
        [1, 2, 3].map((attempt) =>
          expect.stringMatching(
            new RegExp(`^log Execution jobs\\.fixed \\(k\\) is retried in [\\d.]+m?s, after attempt ${attempt} Tasks$`),
          ),
        ),
      );
    });

    it('is tried again after delays that double', async () => {
      await using test = await start();
      await (await test.queue.add(test.jobs.exponential)()).result();
      const [first = 0, second = 0, third = 0] = gaps(test.jobs.starts);
      expect(first).toBeGreaterThan(35);
      expect(second).toBeGreaterThan(75);
      expect(third).toBeGreaterThan(155);
    });

    it('never waits longer than maxDelay', async () => {
      await using test = await start();
      expect(await (await test.queue.add(test.jobs.capped)()).result()).toBe(4);
    });

    it('is tried again as long as retryOn is for it', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.picky)();
      await expect(execution.result()).rejects.toThrow('for good');
      expect(test.jobs.attempts).toEqual([1, 2, 3]);
    });

    it('fails with its own error when retryOn throws', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.badRetryOn, { key: 'k' })();
      await expect(execution.result()).rejects.toThrow('the own error');
      expect(test.jobs.attempts).toEqual([1]);
      expect(test.logs.matching('retryOn of execution')).toEqual([
        expect.stringContaining(
          'retryOn of execution jobs.badRetryOn (k) failed, so it is not retried: retryOn is broken',
        ),
      ]);
    });

    it('shows why the last attempt failed while it waits for the next', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.fixed)();
      await until(async () => (await execution.refresh()).state === 'retrying', 'it to wait');
      expect(execution.error?.message).toBe('bad');
      await execution.result();
      expect(execution.error).toBeUndefined();
    });
  });

  describe('with a timeout', () => {
    it('gets its signal aborted, and is tried again when it has unwound', async () => {
      await using test = await start();
      const execution = await test.queue.add(test.jobs.slow)();
      expect(await execution.result()).toBe('in time');
      expect(test.jobs.attempts).toEqual([1, 2, 3]);
      expect(test.jobs.overlaps).toBe(0);
      for (const gap of gaps(test.jobs.starts)) expect(gap).toBeGreaterThan(60 + 70);
    });

    it('fails when it is over', async () => {
      await using test = await start({ shutdown: { gracePeriod: 30 } });
      const execution = await test.queue.add(test.jobs.deaf)();
      const result = execution.result();
      await expect(result).rejects.toThrow('ran longer than its timeout of 40 ms');
      await expect(result).rejects.toMatchObject({ name: TaskTimeoutError.name, code: 'TASK_TIMEOUT' });
      test.jobs.go.pass();
    });

    it('is tried again all the same when it does not unwind within the grace period, with a warning', async () => {
      await using test = await start({ shutdown: { gracePeriod: 50 } });
      const execution = await test.queue.add(test.jobs.deafAgain, { key: 'k' })();
      expect(await execution.result()).toBe('second');
      const [gap] = gaps(test.jobs.starts);
      expect(gap).toBeGreaterThan(85);
      expect(test.logs.matching('timed out')).toEqual([
        'warn Execution jobs.deafAgain (k) timed out and did not stop within 50ms after its signal was aborted. Its next attempt may overlap with it. Tasks',
      ]);
      test.jobs.go.pass();
    });

    it('may extend it', async () => {
      await using test = await start();
      const execution = await test.queue.add('jobs.extend')();
      const [before = 0, extended = 0, passed = 0, after = 0] = (await execution.result()) as number[];
      expect(before).toBeGreaterThan(0);
      expect(before).toBeLessThanOrEqual(300);
      expect(extended - before).toBeGreaterThan(950);
      expect(after - (extended - passed)).toBeGreaterThan(250);
    });

    it('that is cancelled too ends as cancelled, though its function does not stop', async () => {
      await using test = await start({ shutdown: { gracePeriod: 50 } });
      const execution = await test.queue.add(test.jobs.deafForLonger, { key: 'k' })();
      await until(() => test.jobs.starts.length === 1, 'it to run');
      expect(await execution.cancel('enough')).toBe('signalled');
      await expect(execution.result({ timeout: '5s' })).rejects.toThrow(ExecutionCancelledError);
      test.jobs.go.pass();
    });
  });

  describe('sees in TaskContext', () => {
    it('what it is', async () => {
      await using test = await start();
      const execution = await test.queue.add('jobs.context', { key: 'order:7' })();
      expect(await execution.result()).toEqual({
        key: 'order:7',
        attempt: 1,
        remaining: Infinity,
        isAborted: false,
        name: 'jobs.context',
        args: [],
        isActive: true,
        isSame: true,
      });
      const [line = ''] = test.logs.matching('hello');
      const [, json = ''] = /^log hello (\{.*\}) jobs\.context$/.exec(line) ?? [];
      expect(JSON.parse(json)).toEqual({
        task: 'jobs.context',
        key: 'order:7',
        attempt: 1,
        worker: expect.stringMatching(/^w/) as unknown,
      });
    });

    it('the key that was made up where none was given', async () => {
      await using test = await start();
      const execution = await test.queue.add('jobs.context')();
      expect(await execution.result()).toMatchObject({ key: execution.key });
    });

    it('no key where it runs in this process only', async () => {
      await using test = await start();
      const outcome = test.scheduler.schedule(test.jobs.key.bind(test.jobs)).result();
      await expect(outcome).rejects.toThrow(usageError('NOT_DURABLE'));
      await expect(outcome).rejects.toThrow('context.key is available only in durable executions');
    });
  });

  // The latter is the reason of a real shutdown, which gives runs back to the queue.
  it.each(['nothing to do', 'shutdown'])('that cancels itself ends as cancelled: %s', async (reason) => {
    await using test = await start();
    const execution = await test.queue.add(test.jobs.cancelsItself)(reason);
    await expect(execution.result({ timeout: '10s' })).rejects.toThrow(ExecutionCancelledError);
    expect(execution.reason).toContain(reason);
  });

  describe('that has error handlers', () => {
    @Injectable()
    class Alarm implements TaskErrorHandler {
      readonly rung: string[] = [];
      constructor(private readonly context: TaskContext) {}

      onTaskError(task: Task, error: unknown): void {
        this.rung.push(`${task.name} ${task.attempt} ${this.context.key} ${(error as Error).message}`);
      }
    }

    @Injectable()
    @OnTaskError(Alarm)
    class Alarmed {
      readonly seen: unknown[] = [];
      constructor(private readonly context: TaskContext) {}

      @Durable('alarmed.fails', { retry: RETRY })
      fails(): never {
        throw new Error(`attempt ${this.context.attempt}`);
      }

      @Durable('alarmed.recovers', { retry: RETRY })
      recovers(): string {
        if (this.context.attempt < 3) throw new Error('bad');
        return 'recovered';
      }

      @Durable('alarmed.own', {
        onError: (task, error) => {
          seenByOwn.push([task.name, task.args, (error as Error).message]);
        },
      })
      own(what: string): never {
        throw new Error(what);
      }

      @Durable('alarmed.broken')
      @OnTaskError(() => {
        throw new Error('the handler is broken');
      })
      broken(): never {
        throw new Error('the own error');
      }

      @Shielded()
      @Durable('alarmed.shielded')
      shielded(): boolean {
        return this.context.task.shielded;
      }

      @Durable('alarmed.unshielded')
      unshielded(): boolean {
        return this.context.task.shielded;
      }
    }
    const seenByOwn: unknown[] = [];

    async function startAlarmed() {
      const test = await startQueue(space, { providers: [Alarmed, Alarm] });
      return { ...test, alarmed: test.context.get(Alarmed), alarm: test.context.get(Alarm) };
    }

    it('calls them after the last attempt only', async () => {
      await using test = await startAlarmed();
      const execution = await test.queue.add(test.alarmed.fails, { key: 'k' })();
      await expect(execution.result()).rejects.toThrow('attempt 3');
      expect(test.alarm.rung).toEqual(['alarmed.fails 3 k attempt 3']);
      expect(test.logs.matching('failed: attempt').map((line) => /^error (.*?)#/.exec(line)?.[1])).toEqual([
        'Attempt 1 of task alarmed.fails',
        'Attempt 2 of task alarmed.fails',
        'Task alarmed.fails',
      ]);
    });

    it('does not call them when an attempt succeeds', async () => {
      await using test = await startAlarmed();
      expect(await (await test.queue.add(test.alarmed.recovers)()).result()).toBe('recovered');
      expect(test.alarm.rung).toEqual([]);
    });

    it('calls its own rather than that of its class', async () => {
      await using test = await startAlarmed();
      await expect((await test.queue.add(test.alarmed.own)('bad')).result()).rejects.toThrow('bad');
      expect(seenByOwn.splice(0)).toEqual([['alarmed.own', ['bad'], 'bad']]);
      expect(test.alarm.rung).toEqual([]);
    });

    it('fails with its own error when they fail', async () => {
      await using test = await startAlarmed();
      const execution = await test.queue.add(test.alarmed.broken)();
      await expect(execution.result()).rejects.toThrow('the own error');
      expect(test.logs.matching('the handler is broken')).toHaveLength(1);
    });

    it('is shielded where the decorator says so', async () => {
      await using test = await startAlarmed();
      expect(await (await test.queue.add(test.alarmed.shielded)()).result()).toBe(true);
      expect(await (await test.queue.add(test.alarmed.unshielded)()).result()).toBe(false);
    });
  });

  describe('on a request-scoped provider', () => {
    let made = 0;

    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      readonly number = ++made;
      constructor(
        @Inject(REQUEST) private readonly execution: Execution,
        private readonly queue: TaskQueue,
      ) {}

      @Durable('scoped.who', { retry: RETRY })
      who(...args: unknown[]): unknown {
        const { execution, number } = this;
        if (args[0] === 'fail' && execution.attempt === 1) throw new Error('bad');
        return {
          number,
          isExecution: execution instanceof Execution,
          key: execution.key,
          name: execution.name,
          args: execution.args,
          attempt: execution.attempt,
          isQueue: this.queue instanceof TaskQueue,
        };
      }
    }

    it('gets an instance of its own, with the Execution as its REQUEST', async () => {
      await using test = await startQueue(space, { providers: [Scoped] });
      made = 0;
      const first = await test.queue.add('scoped.who', { key: 'k' })(new Date(3));
      expect(await first.result()).toEqual({
        number: 1,
        isExecution: true,
        key: 'k',
        name: 'scoped.who',
        args: [new Date(3)],
        attempt: 1,
        isQueue: true,
      });
      const second = await test.queue.add(Scoped.prototype.who)(1);
      expect(await second.result()).toMatchObject({ number: 2, key: second.key });
    });

    it('gets one for each attempt', async () => {
      await using test = await startQueue(space, { providers: [Scoped] });
      made = 0;
      const execution = await test.queue.add('scoped.who')('fail');
      expect(await execution.result()).toMatchObject({ number: 2, attempt: 2 });
    });

    it('fails when the instance cannot be made', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class Broken {
        constructor(@Inject(REQUEST) _execution: unknown) {
          throw new Error('no instance for you');
        }

        @Durable('broken.run')
        run(): void {}
      }
      await using test = await startQueue(space, { providers: [Broken] });
      const execution = await test.queue.add('broken.run')();
      await expect(execution.result()).rejects.toThrow('no instance for you');
    });
  });

  it('is on the one instance of other providers', async () => {
    await using test = await start();
    await Promise.all([1, 2, 3].map(async () => (await test.queue.add(test.jobs.inContext)()).result()));
    expect(test.context.get(Jobs)).toBe(test.jobs);
    await expectCounts(test.queue, { completed: 3 });
  });
});
