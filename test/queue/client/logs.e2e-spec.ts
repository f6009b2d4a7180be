import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext, TasksConfigError, type Execution, type ExecutionLogLine } from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { startContext } from '../../support/context.js';
import { observe, startQueue } from '../../support/queue-context.js';
import { Turnstile } from '../../support/turnstile.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Jobs {
  private runs = 0;

  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('logs.quiet')
  quiet(): void {}

  @Durable('logs.each')
  each(): void {
    const { logger } = this.context;
    logger.log('a log');
    logger.error(new TypeError('an error'), 'its stack');
    logger.warn('a\nwarning\u001b[31m\0');
    logger.debug({ a: [1, { b: 2 }] });
    logger.verbose(undefined);
    logger.fatal('x'.repeat(2_000));
    logger.log({
      get broken() {
        throw new Error('hunter2');
      },
      [Symbol.for('nodejs.util.inspect.custom')]() {
        throw new Error('hunter2');
      },
    });
  }

  @Durable('logs.retry', {
    retry: { attempts: 2, delay: 1 },
    onError: () => onError(),
  })
  retry(count: number): never {
    onError = () => this.context.logger.warn('given up');
    for (let line = 1; line <= count; line += 1) this.context.logger.log(`line ${line}`);
    throw new Error('bad');
  }

  @Durable('logs.many')
  many(count: number): void {
    for (let line = 1; line <= count; line += 1) this.context.logger.log(`line ${line}`);
  }

  @Perpetual({ every: 5 })
  @Durable('logs.tick')
  tick(): void {
    this.runs += 1;
    this.context.logger.log(`run ${this.runs}`);
    if (this.runs === 3) this.context.perpetual.cancel();
  }

  @Durable('logs.hold')
  async hold(name: string): Promise<void> {
    this.context.logger.log(`${name} begins`);
    this.context.progress.increment(1);
    await this.inside.stay(name, this.context.signal);
    this.context.logger.log(`${name} ends`);
  }
}

let onError = (): void => {};

const WITH = { providers: [Jobs, Turnstile] };
const texts = (lines: readonly ExecutionLogLine[]): string[] => lines.map(({ message }) => message);

async function ended<R>(execution: Execution<R>): Promise<Execution<R>> {
  await execution.result().catch(() => {});
  return execution;
}

describe.each(BROKERS)('the log of an execution, on $label', (kind) => {
  const space = brokerSpace(kind);

  it('has the lines of its logger, escaped and cut, each with its time, level and attempt', async () => {
    await using test = await startQueue(space, WITH, { logs: 10 });
    const before = Date.now();
    const execution = await ended(await test.queue.add(test.context.get(Jobs).each)());
    const lines = await execution.logs();
    const fatal = `${'x'.repeat(1_000)}… (1000 characters more)`;
    expect(lines.map(({ at: _at, ...line }) => line)).toEqual([
      { level: 'log', message: 'a log', attempt: 1 },
      { level: 'error', message: 'an error', attempt: 1 },
      { level: 'warn', message: 'a\\u000awarning\\u001b[31m\\u0000', attempt: 1 },
      { level: 'debug', message: '{ a: [ 1, { b: 2 } ] }', attempt: 1 },
      { level: 'verbose', message: 'undefined', attempt: 1 },
      { level: 'fatal', message: fatal, attempt: 1 },
      { level: 'log', message: expect.any(String), attempt: 1 },
    ]);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    for (const { at } of lines) {
      expect(at).toBeInstanceOf(Date);
      expect(at.getTime()).toBeGreaterThanOrEqual(before - 1);
      expect(at.getTime()).toBeLessThanOrEqual(Date.now());
    }
    const looked = await test.queue.get(execution.key);
    expect(await looked?.logs()).toEqual(lines);
    expect(test.logs.lines.filter((line) => line.startsWith('log a log'))).toHaveLength(1);
  });

  it('has the last lines of all attempts, with those of onError', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const { queue } = test;
    const jobs = test.context.get(Jobs);
    const short = await ended(await queue.add(jobs.retry)(2));
    expect((await short.logs()).map(({ message, attempt }) => `${attempt}: ${message}`)).toEqual([
      '1: line 1',
      '1: line 2',
      '2: line 1',
      '2: line 2',
      '2: given up',
    ]);
    const long = await ended(await queue.add(jobs.retry)(3));
    expect((await long.logs()).map(({ message, attempt }) => `${attempt}: ${message}`)).toEqual([
      '1: line 3',
      '2: line 1',
      '2: line 2',
      '2: line 3',
      '2: given up',
    ]);
    const many = await ended(await queue.add(jobs.many)(2_000));
    expect(texts(await many.logs())).toEqual([1996, 1997, 1998, 1999, 2000].map((line) => `line ${line}`));
  });

  it('has those of all runs of a chain, and of an execution that runs again after its end', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const { queue } = test;
    const jobs = test.context.get(Jobs);
    const chain = await ended(await queue.add(jobs.tick)());
    expect(texts(await chain.logs())).toEqual(['run 1', 'run 2', 'run 3']);
    const failed = await ended(await queue.add(jobs.retry, { key: 'k' })(1));
    expect(await queue.retry('k')).toBe('retried');
    await ended(await failed.refresh());
    expect(texts(await failed.logs())).toEqual(['given up', 'line 1', 'line 1', 'given up'].toSpliced(0, 0, 'line 1'));
    await queue.forget('k');
    expect(await failed.logs()).toEqual([]);
  });

  it('is there while the run goes on, with its progress', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const jobs = test.context.get(Jobs);
    const execution = await test.queue.add(jobs.hold, { key: 'k' })('it');
    await until(async () => (await execution.logs()).length > 0, 'the first line');
    expect(texts(await execution.logs())).toEqual(['it begins']);
    jobs.inside.open();
    await ended(execution);
    expect(texts(await execution.logs())).toEqual(['it begins', 'it ends']);
  });

  it('is empty without lines, and costs the broker no call; with lines it costs one', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const jobs = test.context.get(Jobs);
    const write = jest.spyOn(test.broker.logs, 'write');
    const read = jest.spyOn(test.broker.logs, 'read');
    const quiet = await ended(await test.queue.add(jobs.quiet)());
    expect([write.mock.calls.length, read.mock.calls.length]).toEqual([0, 0]);
    await ended(await test.queue.add(jobs.many)(2_000));
    expect([write.mock.calls.length, read.mock.calls.length]).toEqual([1, 0]);
    expect(await quiet.logs()).toEqual([]);
  });

  it('is empty where the option is not set', async () => {
    await using test = await startQueue(space, WITH);
    const write = jest.spyOn(test.broker.logs, 'write');
    const execution = await ended(await test.queue.add(test.context.get(Jobs).each)());
    expect(await execution.logs()).toEqual([]);
    expect(write).not.toHaveBeenCalled();
  });

  it('of an execution that was struck is empty', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const jobs = test.context.get(Jobs);
    await test.queue.strike(jobs.many);
    expect(await (await test.queue.add(jobs.many)(1)).logs()).toEqual([]);
    await test.queue.restore(jobs.many);
  });

  it('fails no run where it cannot be stored', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const jobs = test.context.get(Jobs);
    jest.spyOn(test.broker.logs, 'write').mockRejectedValue(new Error('full'));
    const execution = await test.queue.add(jobs.many)(1);
    await expect(execution.result()).resolves.toBeUndefined();
    expect(await execution.logs()).toEqual([]);
  });

  it('leaves out what is damaged', async () => {
    await using test = await startQueue(space, WITH, { logs: 5 });
    const execution = await ended(await test.queue.add(test.context.get(Jobs).quiet)());
    await using broker = observe(space, test);
    const order = (at: number) => String(at).padStart(20, '0');
    const stored = [[1, 'log', 'sound', 1], null, [1, 'log', 2, 1], ['x']];
    const damaged = ['', 'x', order(1), `${order(2)}{"lines":`, `${order(3)}{"lines":5}`];
    for (const text of damaged) {
      await broker.logs.write(execution.id, text, 10_000);
      expect(await execution.logs()).toEqual([]);
    }
    await broker.logs.write(execution.id, `y${order(4)}`.slice(0, 20) + JSON.stringify({ lines: stored }), 10_000);
    expect(texts(await execution.logs())).toEqual(['sound']);
  });
});

for (const kind of SHARED_BROKERS) {
  describe(`the log of an execution, in two processes on ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('keeps the lines of a run that lost its lease as far as they were stored, and takes none of it after that', async () => {
      await using first = await startQueue(space, WITH, { logs: 5, lease: 300 });
      const jobs = first.context.get(Jobs);
      const execution = await first.queue.add(jobs.hold, { key: 'k' })('it');
      await until(async () => (await execution.logs()).length === 1, 'the first line');
      const renewals = jest.spyOn(first.broker.runs, 'renew').mockImplementation(() => new Promise(() => {}));
      await until(() => first.logs.lines.some((line) => line.includes('lost its lease')), 'the lease to be lost');
      renewals.mockRestore();
      await until(async () => (await execution.logs()).length === 2, 'it to run again');
      jobs.inside.open();
      await ended(execution);
      expect(texts(await execution.logs())).toEqual(['it begins', 'it begins', 'it ends']);
    });

    it('is forgotten with its execution', async () => {
      await using test = await startQueue(space, WITH, { logs: 5, retention: 0 });
      const write = jest.spyOn(test.broker.logs, 'write');
      await ended(await test.queue.add(test.context.get(Jobs).many)(1));
      await ended(await test.queue.add(test.context.get(Jobs).tick)());
      const ttls = write.mock.calls.map(([, , ttl]) => ttl);
      expect(ttls[0]).toBe(10_000);
      expect(ttls.at(-1)).toBe(10_000);
      for (const ttl of ttls.slice(1, -1)) expect(ttl).toBeGreaterThan(29 * 24 * 3_600_000);
    });
  });
}

describe('the option logs', () => {
  it.each([-1, 1.5, 1_001, NaN, '50', null, true])('is refused at bootstrap: %p', async (logs) => {
    const started = startContext({ queue: { logs: logs as number } });
    await expect(started).rejects.toThrow(TasksConfigError);
    await expect(started).rejects.toThrow(/^queue\.logs is .*\. Allowed: a whole number from 0 to 1,000\.$/);
  });
});
