import { AssertionError } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, type Provider } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  Durable,
  ExecutionNotFoundError,
  LeaseLostError,
  TaskContext,
  TaskCrashedError,
  TaskQueue,
  TasksConfigError,
  TasksModule,
  type TasksModuleOptions,
} from 'nestjs-tasks';
import { TestQueue, type Addition, type TestQueueOptions } from 'nestjs-tasks/testing';
import { Gate } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';
import { usageError } from '../support/usage-error.js';

const START = new Date('2030-01-01T00:00:00.000Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What ran, when by the virtual clock, counted from the start. */
const journal: [what: string, after: number][] = [];
let clock: TestQueue;
const write = (what: string): void => void journal.push([what, clock.clock.now() - START.getTime()]);
const take = (): [string, number][] => journal.splice(0);

@Injectable()
class Mails {
  gate = new Gate();
  begun = new Gate();
  charge: (key: string) => Promise<void> = async () => {};

  constructor(
    private readonly context: TaskContext,
    private readonly queue: TaskQueue,
  ) {}

  @Durable('mail.send')
  send(to: string, _copies?: Map<string, Date>): string {
    write(`send ${to}`);
    return `sent to ${to}`;
  }

  @Durable({ retry: { attempts: 5, delay: '1s', maxDelay: '3s' } })
  flaky(until: number): number {
    write(`attempt ${this.context.attempt}`);
    if (this.context.attempt < until) throw new Error('not yet');
    return this.context.attempt;
  }

  @Durable()
  async slow(): Promise<string> {
    write('begin');
    await sleep(20);
    write('end');
    return 'done';
  }

  @Durable()
  async held(): Promise<string> {
    const { signal } = this.context;
    write('begin');
    this.begun.pass();
    await this.gate.passed;
    write(signal.aborted ? 'end, aborted' : 'end');
    return signal.aborted ? 'late' : 'in time';
  }

  @Durable()
  async pay(): Promise<string> {
    write('charge');
    await this.charge(this.context.key);
    write('paid');
    return 'paid';
  }

  /** Adds its next run. */
  @Durable()
  async chain(left: number): Promise<void> {
    write(`chain ${left}`);
    if (left > 1) await this.queue.add(this.chain, { when: '1h' })(left - 1);
  }

  /** A chain under one key, without an end. */
  @Durable()
  async forever(delay: number): Promise<void> {
    write('again');
    await this.queue.replace(this.forever, { key: this.context.key, when: delay })(delay);
  }

  @Durable({ retry: { attempts: Infinity, delay: '1m', backoff: 'fixed' } })
  failing(): void {
    write('fails');
    throw new Error('as ever');
  }

  @Durable()
  async parent(): Promise<string> {
    const child = await this.queue.add(this.send, { when: '1m' })('child');
    return `parent: ${await child.result()}`;
  }
}

let module: TestingModule | undefined;
afterEach(async () => {
  await module?.close();
  module = undefined;
  journal.length = 0;
});

async function start(
  options: TasksModuleOptions = {},
  testOptions: TestQueueOptions = {},
  providers: Provider[] = [Mails],
) {
  const logs = new LogLines();
  const imports = [TasksModule.forRoot(options)];
  const builder = Test.createTestingModule({ imports, providers }).setLogger(logs);
  const kit = TestQueue.install(builder, { now: START, ...testOptions });
  clock = kit;
  module = await builder.compile();
  await module.init();
  return { kit, logs, module, queue: module.get(TaskQueue), mails: module.get(Mails) };
}

function errorOf(act: () => unknown): AssertionError {
  try {
    act();
  } catch (error) {
    return error as AssertionError;
  }
  throw new Error('it did not throw');
}

describe('TestQueue runs', () => {
  it('nothing until the test says so', async () => {
    const { kit, queue, mails } = await start();
    const execution = await queue.add(mails.send)('ada');
    await sleep(20);
    expect(journal).toEqual([]);
    expect(execution.state).toBe('queued');
    await kit.runUntilFinished();
    expect(take()).toEqual([['send ada', 0]]);
    expect(await execution.result()).toBe('sent to ada');
    await queue.add(mails.send)('bob');
    await sleep(20);
    expect(journal).toEqual([]);
    await kit.advance(0);
    expect(take()).toEqual([['send bob', 0]]);
  });

  it('everything until it has finished, and waits for real I/O', async () => {
    const { kit, queue, mails } = await start();
    const slow = await queue.add(mails.slow)();
    const later = await queue.add(mails.slow, { when: '5m' })();
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['begin', 0],
      ['end', 0],
      ['begin', 5 * MINUTE],
      ['end', 5 * MINUTE],
    ]);
    expect(await slow.result()).toBe('done');
    expect(await later.result()).toBe('done');
    expect((await queue.snapshot()).total).toBe(0);
  });

  it('what is due 40 days ahead at its time, at once', async () => {
    const { kit, queue, mails } = await start();
    const due = new Date(START.getTime() + 40 * DAY);
    const soon = await queue.add(mails.send)('soon');
    const execution = await queue.add(mails.send, { when: due })('ada');
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['send soon', 0],
      ['send ada', 40 * DAY],
    ]);
    expect(kit.now).toEqual(due);
    expect(kit.clock.now()).toBe(due.getTime());
    expect(await execution.result()).toBe('sent to ada');
    expect(await soon.result()).toBe('sent to soon'); // long after the retention
  });

  it('retries at exactly the times of their backoff', async () => {
    const { kit, queue, mails } = await start();
    const execution = await queue.add(mails.flaky)(5);
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['attempt 1', 0],
      ['attempt 2', 1_000],
      ['attempt 3', 3_000],
      ['attempt 4', 6_000],
      ['attempt 5', 9_000],
    ]);
    expect(await execution.result()).toBe(5);
    const failing = await queue.add(mails.flaky)(6);
    await kit.runUntilFinished();
    await expect(failing.result()).rejects.toThrow('not yet');
  });

  it('a chain of executions that each add the next', async () => {
    const { kit, queue, mails } = await start();
    await queue.add(mails.chain)(4);
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['chain 4', 0],
      ['chain 3', HOUR],
      ['chain 2', 2 * HOUR],
      ['chain 1', 3 * HOUR],
    ]);
  });

  it('what has the same time in the order of the adds, and lower priorities first', async () => {
    const { kit, queue, mails } = await start();
    for (const to of ['a', 'b', 'c']) await queue.add(mails.send, { when: '1h' })(to);
    await queue.add(mails.send, { when: '30m' })('early');
    await queue.add(mails.send, { when: '1h' })('d');
    await queue.add(mails.send, { priority: 5 })('last');
    await queue.add(mails.send, { priority: 1 })('second');
    await queue.add(mails.send)('first');
    await kit.runUntilFinished();
    expect(take().map(([what]) => what)).toEqual(
      ['first', 'second', 'last', 'early', 'a', 'b', 'c', 'd'].map((to) => `send ${to}`),
    );
  });

  it('a thousand executions of three hours without waiting for their times', async () => {
    const { kit, queue, mails } = await start();
    for (let index = 0; index < 1_000; index += 1) {
      await queue.add(mails.send, index % 2 === 0 ? {} : { when: index * 10_000 })(`${index}`);
    }
    const moves = jest.spyOn(kit.clock, 'moveTo');
    await kit.runUntilFinished();
    expect(journal).toHaveLength(1_000);
    expect(kit.added).toHaveLength(1_000);
    expect(kit.now.getTime() - START.getTime()).toBeGreaterThanOrEqual(9_990_000);
    // From one that is due to the next, and never step by step.
    const times = moves.mock.calls.map(([time]) => (time - START.getTime()) % 10_000);
    expect(times.filter((time) => time === 0).length).toBeGreaterThanOrEqual(500);
    expect(times.length).toBeLessThan(8_000);
  });

  it('where the application has no worker, too, and in a module that was only compiled', async () => {
    const { kit, queue, mails } = await start({ queue: { worker: false } });
    await queue.add(mails.send)('ada');
    await kit.runUntilFinished();
    expect(take()).toEqual([['send ada', 0]]);
    await module?.close();

    const builder = Test.createTestingModule({ imports: [TasksModule.forRoot()], providers: [Mails] });
    clock = TestQueue.install(builder, { now: START });
    module = await builder.compile();
    await module.get(TaskQueue).add(module.get(Mails).send)('bob');
    await clock.runUntilFinished();
    expect(take()).toEqual([['send bob', 0]]);
  });

  it('the runs of a key at most so often', async () => {
    const { kit, queue, mails } = await start();
    const execution = await queue.add(mails.failing, { key: 'k' })();
    await kit.runAtMost({ k: 3 });
    expect(take()).toEqual([
      ['fails', 0],
      ['fails', MINUTE],
      ['fails', 2 * MINUTE],
    ]);
    expect((await execution.refresh()).state).toBe('cancelled');
    await expect(kit.runAtMost({ k: -1 })).rejects.toThrow('k of task runAtMost() is a negative number');
  });

  it('up to the end when the application itself calls runUntilFinished() or runAtMost()', async () => {
    const { queue, mails } = await start();
    await queue.add(mails.send, { when: '1d' })('ada');
    await queue.runUntilFinished();
    await queue.add(mails.failing, { key: 'k' })();
    await queue.runAtMost({ k: 1 });
    expect(take()).toEqual([
      ['send ada', DAY],
      ['fails', DAY],
    ]);
  });

  it('nothing where nothing was added', async () => {
    const { kit } = await start();
    await kit.runUntilFinished();
    expect(kit.now).toEqual(START);
  });

  it('at once after start(), for code that awaits results', async () => {
    const { kit, queue, mails } = await start();
    kit.start();
    const execution = await queue.add(mails.send)('ada');
    expect(await execution.result()).toBe('sent to ada');
    const parent = await queue.add(mails.parent)();
    const states: string[] = [];
    parent.events$.subscribe(({ state }) => states.push(state));
    await kit.clock.advance('30s');
    expect(states).toEqual(['running']);
    await kit.clock.advance('30s');
    expect(await parent.result()).toBe('parent: sent to child');
    expect(states).toEqual(['running', 'completed']);
    await kit.advance('1m'); // and so it stays
    expect(await (await queue.add(mails.send)('bob')).result()).toBe('sent to bob');
  });

  it('and tells when it waits in vain', async () => {
    const { kit, queue, mails } = await start({}, { patience: 30 });
    await queue.add(mails.held, { key: 'h' })();
    const finished = kit.runUntilFinished();
    await expect(finished).rejects.toThrow(AssertionError);
    await expect(finished).rejects.toThrow('Nothing has ended for 30 ms. Running: Mails.held (h). ');
    await queue.add(mails.send)('ada');
    await sleep(20);
    expect(take()).toEqual([['begin', 0]]); // it holds everything back again
    mails.gate.pass();
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['end', 0],
      ['send ada', 0],
    ]);
  });

  it('no key for ever', async () => {
    const { kit, queue, mails } = await start();
    await queue.add(mails.forever, { key: 'f' })(MINUTE);
    await expect(kit.runUntilFinished()).rejects.toThrow("'f' was started 2000 times and seems endless");
    await queue.clear();
    await queue.replace(mails.forever, { key: 'f', when: 0 })(0);
    await expect(kit.advance('1s')).rejects.toThrow(AssertionError);
  });

  it('no more when the module is closed', async () => {
    const { kit, queue, mails } = await start({ shutdown: { gracePeriod: 10 } });
    await queue.add(mails.held, { key: 'h' })();
    const finished = kit.runUntilFinished();
    const failure = finished.catch(String);
    await mails.begun.passed;
    await module?.close();
    expect(await failure).toContain('The module was closed');
    await expect(kit.advance('1s')).rejects.toThrow('The module was closed');
  });

  it('what waits for something else than time not at all', async () => {
    const { kit, queue, mails } = await start();
    await queue.add('other.task', { remote: true, key: 'o' })();
    await queue.add(mails.send)('ada');
    await kit.advance('1m');
    expect((await queue.get('o'))?.state).toBe('scheduled');
    expect(await queue.cancel('o')).toBe('cancelled');
    await kit.runUntilFinished();
  });
});

describe('TestQueue.advance()', () => {
  it('runs what comes due on the way, in order of time', async () => {
    const { kit, queue, mails } = await start();
    await queue.add(mails.chain)(9);
    await queue.add(mails.send, { when: '90m' })('ada');
    await queue.add(mails.send, { when: '3h' })('later');
    await kit.advance('2h');
    expect(take()).toEqual([
      ['chain 9', 0],
      ['chain 8', HOUR],
      ['send ada', 1.5 * HOUR],
      ['chain 7', 2 * HOUR],
    ]);
    expect(kit.now).toEqual(new Date(START.getTime() + 2 * HOUR));
    await kit.advance(new Date(START.getTime() + 3 * HOUR));
    expect(take()).toEqual([
      ['send later', 3 * HOUR],
      ['chain 6', 3 * HOUR],
    ]);
  });

  it('goes to where it was told, and never back', async () => {
    const { kit } = await start();
    await kit.advance(1);
    await kit.advance(START);
    expect(kit.clock.now()).toBe(START.getTime() + 1);
    await expect(kit.advance('soon')).rejects.toThrow(TasksConfigError);
    await expect(kit.advance(new Date(NaN))).rejects.toThrow('advance() is');
  });

  it('starts at the real time where none is given', async () => {
    const { kit } = await start({}, { now: undefined });
    expect(Math.abs(Date.now() - kit.clock.now())).toBeLessThan(MINUTE);
    const builder = Test.createTestingModule({});
    expect(() => TestQueue.install(builder, { now: new Date(NaN) })).toThrow('now is');
    expect(() => TestQueue.install(builder, { now: 'today' as never })).toThrow(TasksConfigError);
    expect(() => TestQueue.install(builder, { patience: '0' })).toThrow('patience is');
  });
});

describe('TestQueue and leases', () => {
  it('renews those of what runs', async () => {
    const { kit, queue, mails, logs } = await start();
    const execution = await queue.add(mails.held)();
    const finished = kit.runUntilFinished();
    await mails.begun.passed;
    await kit.clock.advance('1h');
    mails.gate.pass();
    await finished;
    expect(await execution.result()).toBe('in time');
    expect(take()).toEqual([
      ['begin', 0],
      ['end', HOUR],
    ]);
    expect(logs.matching('lease')).toEqual([]);
  });

  it('starts what has crashed again when its lease is over', async () => {
    const { kit, queue, mails, logs } = await start({ queue: { worker: { lease: '30s' } } });
    const execution = await queue.add(mails.held, { key: 'h' })();
    const finished = kit.runUntilFinished();
    await mails.begun.passed;
    const other = await queue.add(mails.held, { key: 'i' })();
    await kit.clock.advance('25s'); // renewed at 20 s
    await kit.crash('h');
    mails.gate.pass();
    await finished;
    expect(take().filter(([what]) => what === 'begin')).toEqual([
      ['begin', 0],
      ['begin', 0],
      ['begin', 50_000],
    ]);
    expect(await other.result()).toBe('in time');
    expect(await execution.result()).toBe('in time');
    expect(execution.attempt).toBe(1);
    expect(queue.counts).toMatchObject({ started: 3, completed: 2, leasesLost: 1, recovered: 1 });
    expect(logs.matching('lost its lease')).toHaveLength(1);
  });

  it('aborts the signal of what has crashed, and records nothing of it', async () => {
    const { kit, queue, mails } = await start();
    const execution = await queue.add(mails.held, { key: 'h' })();
    const { gate, begun } = mails;
    const finished = kit.runUntilFinished();
    await begun.passed;
    mails.gate = new Gate();
    mails.begun = new Gate();
    await kit.crash('h');
    gate.pass(); // the first run comes to its end after all
    await mails.begun.passed;
    expect(take()).toEqual([
      ['begin', 0],
      ['end, aborted', 0],
      ['begin', 15_000],
    ]);
    expect((await execution.refresh()).state).toBe('running');
    mails.gate.pass();
    await finished;
    expect(await execution.result()).toBe('in time');
  });

  it('lets a double crash the run that calls it, which goes no further', async () => {
    const { kit, queue, mails } = await start({ queue: { worker: { concurrency: 1 } } });
    let crashes = 1;
    mails.charge = async (key) => {
      if (crashes-- > 0) await kit.crash(key);
    };
    const execution = await queue.add(mails.pay, { key: 'p' })();
    await queue.add(mails.send, { when: '1s' })('ada'); // the slot is free
    await kit.runUntilFinished();
    expect(take()).toEqual([
      ['charge', 0],
      ['send ada', 1_000],
      ['charge', 15_000],
      ['paid', 15_000],
    ]);
    expect(await execution.result()).toBe('paid');
  });

  it('uses up the budget of crashes', async () => {
    const { kit, queue, mails } = await start();
    mails.charge = (key) => kit.crash(key);
    const execution = await queue.add(mails.pay)();
    await kit.runUntilFinished();
    await expect(execution.result()).rejects.toMatchObject({ name: TaskCrashedError.name });
    expect(take()).toHaveLength(5);
    expect(kit.clock.now()).toBe(START.getTime() + 5 * 15_000);
  });

  it('gives the crashed run its LeaseLostError as the reason', async () => {
    let reason: unknown;
    @Injectable()
    class Watching {
      constructor(private readonly context: TaskContext) {}
      @Durable({})
      async watch(): Promise<void> {
        const { signal, key } = this.context;
        if (reason !== undefined) return;
        signal.addEventListener('abort', () => (reason = signal.reason));
        await clock.crash(key);
      }
    }
    const { kit, queue } = await start({}, {}, [Mails, Watching]);
    await queue.add(Watching.prototype.watch)();
    await kit.runUntilFinished();
    expect((reason as Error).cause).toBeInstanceOf(LeaseLostError);
  });

  it('cannot crash what does not run', async () => {
    const { kit, queue, mails } = await start();
    await expect(kit.crash('h')).rejects.toThrow("No execution 'h' runs. Running: none.");
    await queue.add(mails.held, { key: 'h' })();
    const finished = kit.runUntilFinished();
    await mails.begun.passed;
    await expect(kit.crash('x')).rejects.toThrow("No execution 'x' runs. Running: Mails.held (h).");
    mails.gate.pass();
    await finished;
  });
});

describe('TestQueue with a paused queue', () => {
  it('runs nothing until it is resumed, and refuses to wait for an end that cannot come', async () => {
    const { queue, mails } = await start();
    await queue.pause({ reason: 'partner down' });
    await queue.add(mails.send, { when: '1h' })('ada');
    await clock.advance('2h');
    expect(take()).toEqual([]);
    await expect(clock.runUntilFinished()).rejects.toThrow(/queue is paused/);
    expect(await queue.resume()).toBe(true);
    await clock.runUntilFinished();
    expect(take().map(([what]) => what)).toEqual(['send ada']);
  });
});

describe('TestQueue knows what was added', () => {
  it('with all that was said of it', async () => {
    const { kit, queue, mails } = await start();
    const copies = new Map([['bob', START]]);
    await queue.add(mails.send, { key: 'a', when: '1h', priority: 3 })('ada', copies);
    await queue.add(mails.send, { key: 'a' })('again');
    await kit.advance('1m');
    await queue.replace(mails.send, { key: 'a', when: '1d' })('ada');
    const addedAt = new Date(START.getTime() + MINUTE);
    const expected: Addition[] = [
      {
        name: 'mail.send',
        args: ['ada', copies],
        key: 'a',
        when: new Date(START.getTime() + HOUR),
        priority: 3,
        disposition: 'scheduled',
        isReplacement: false,
        addedAt: START,
      },
      {
        name: 'mail.send',
        args: ['again'],
        key: 'a',
        when: undefined,
        priority: 0,
        disposition: 'already-scheduled',
        isReplacement: false,
        addedAt: START,
      },
      {
        name: 'mail.send',
        args: ['ada'],
        key: 'a',
        when: new Date(START.getTime() + MINUTE + DAY),
        priority: 0,
        disposition: 'scheduled',
        isReplacement: true,
        addedAt,
      },
    ];
    expect(kit.added).toEqual(expected);
    kit.forgetAdded();
    expect(kit.added).toEqual([]);
    kit.expectNothingAdded();
  });

  it('and asserts it by method and by name', async () => {
    const { kit, queue, mails } = await start();
    kit.expectNothingAdded();
    await queue.add(mails.send, { key: 'a', when: '1d' })('ada');
    await queue.add(mails.send, { key: 'a', when: '1d' })('ada');
    await queue.add(mails.send, { priority: 2 })('bob', new Map());
    await queue.replace(mails.flaky, { key: 'f', when: new Date('2031-01-01') })(3);

    expect(kit.expectAdded(Mails.prototype.send).args).toEqual(['ada']);
    kit.expectAdded('mail.send', { times: 2 });
    kit.expectAdded(mails.send, { args: ['ada'], key: 'a', in: '1d', times: 1 });
    kit.expectAdded(mails.send, { key: 'a', disposition: 'already-scheduled', times: 1 });
    kit.expectAdded(mails.send, { args: ['bob', new Map()], in: 0, priority: 2 });
    kit.expectAdded(mails.send, { when: new Date(START.getTime() + DAY), isReplacement: false, priority: 0 });
    kit.expectAdded(mails.send, { when: START, args: ['bob', new Map()] });
    kit.expectAdded(mails.flaky, { when: new Date('2031-01-01'), isReplacement: true });
    expect(() => kit.expectAdded('mail.send', { times: 0 })).toThrow('expectNotAdded()');
    kit.expectNotAdded(mails.slow);
    kit.expectNotAdded('other.task');
    kit.expectNotAdded(mails.send, { args: ['bob'] });
    // @ts-expect-error the arguments are those of the task
    kit.expectNotAdded(mails.send, { args: [1] });
  });

  it('and says what was added when it was something else', async () => {
    const { kit, queue, mails } = await start();
    const nothing = errorOf(() => kit.expectAdded(mails.send));
    expect(nothing).toBeInstanceOf(AssertionError);
    expect(nothing.message).toBe('Expected mail.send to be added, but it was not. Nothing was added.');

    await queue.add(mails.send, { key: 'a', when: '1d' })('ada');
    await queue.add(mails.send, { key: 'a', when: 90_001, priority: 1 })('bob', new Map([['x', START]]));
    await queue.replace(mails.flaky, { key: 'f', when: 90_001 })(3);
    const added = [
      'Added:',
      "  1. mail.send('ada'), key 'a', in 1d (2030-01-02T00:00:00.000Z)",
      "  2. mail.send('bob', Map(1) { 'x' => 2030-01-01T00:00:00.000Z }), key 'a', in 90001ms (2030-01-01T00:01:30.001Z), priority 1, already scheduled",
      "  3. Mails.flaky(3), key 'f', in 90001ms (2030-01-01T00:01:30.001Z), by replace()",
    ].join('\n');
    const other = errorOf(() =>
      kit.expectAdded(mails.send, { args: ['eve'], key: 'e', in: '2d', when: START, priority: 4 }),
    );
    expect(other.message).toBe(
      `Expected mail.send('eve'), key 'e', at 2030-01-01T00:00:00.000Z, in 2d, priority 4 to be added, but it was not. ${added}`,
    );
    expect(other.stack).not.toContain('test-queue.ts');
    expect(errorOf(() => kit.expectAdded('mail.send', { times: 2 })).message).toBe(
      `Expected mail.send to be added 2 times, but it was once. ${added}`,
    );
    expect(errorOf(() => kit.expectNotAdded(mails.flaky, { isReplacement: true })).message).toBe(
      `Expected Mails.flaky, by replace() not to be added, but it was once. ${added}`,
    );
    expect(errorOf(() => kit.expectNothingAdded()).message).toBe(`Expected nothing to be added. ${added}`);
    expect(() => kit.expectAdded(sleep)).toThrow('is not a durable task');
    for (let index = 0; index < 20; index += 1) await queue.add(mails.slow, { key: `s${index}` })();
    expect(errorOf(() => kit.expectNothingAdded()).message).toMatch(/20\. .*\n  … and 3 more$/);
  });
});

describe('A module with a TestQueue', () => {
  it.each(['redis://nowhere', 'postgres://nowhere/db'])('never connects to %s, nor loads a driver', async (url) => {
    const loaded: string[] = [];
    for (const driver of ['bullmq', 'ioredis', 'pg']) jest.unstable_mockModule(driver, () => loaded.push(driver));
    const { kit, queue, mails, logs } = await start({ queue: { url } });
    const execution = await queue.add(mails.send)('ada');
    await kit.runUntilFinished();
    expect(await execution.result()).toBe('sent to ada');
    expect(loaded).toEqual([]);
    expect(logs.matching('warn')).toEqual([]);
    expect(logs.matching('error')).toEqual([]);
  });

  it('leaves nothing open when it is closed', async () => {
    const before = resources();
    const { kit, queue, mails } = await start();
    await queue.add(mails.send, { when: '1d' })('ada');
    await queue.add(mails.flaky, { when: '1d' })(2);
    await kit.advance('1d');
    kit.start();
    await queue.add(mails.send, { when: '1d' })('bob');
    expect(resources()).toEqual(before);
    await module?.close();
    expect(resources()).toEqual(before);
  });

  it('forgets what has ended only where the application keeps nothing at all', async () => {
    const { kit, queue, mails } = await start({ queue: { retention: 0 } });
    const execution = await queue.add(mails.send)('ada');
    await kit.runUntilFinished();
    expect(await queue.get(execution.key)).toBeUndefined();
    expect(await execution.result()).toBe('sent to ada'); // handles may look for ten seconds
    await kit.advance('10s');
    await expect(execution.result()).rejects.toThrow(ExecutionNotFoundError);
  });

  it('needs the tasks module, and to be compiled', async () => {
    const builder = Test.createTestingModule({});
    const kit = TestQueue.install(builder);
    expect(() => kit.added).toThrow(usageError('TASKS_MODULE_MISSING'));
    expect(() => kit.start()).toThrow('Await compile()');
    module = await builder.compile();
    expect(() => kit.expectNothingAdded()).toThrow('Add TasksModule.forRoot()');
  });

  it('does not mind fake timers', async () => {
    const { kit, queue, mails } = await start();
    jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'], now: START });
    try {
      const execution = await queue.add(mails.send, { when: '1h' })('ada');
      await kit.runUntilFinished();
      expect(await execution.result()).toBe('sent to ada');
    } finally {
      jest.useRealTimers();
    }
  });
});

/** What would keep the process alive: `node:timers` and sockets. */
function resources(): string[] {
  return process.getActiveResourcesInfo().filter((resource) => resource !== 'Immediate');
}
