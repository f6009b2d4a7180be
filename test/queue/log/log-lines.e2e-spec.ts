import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConsoleLogger, Injectable, type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Durable,
  Logged,
  TaskContext,
  TaskQueue,
  tasks,
  TaskScheduler,
  TasksModule,
  type TaskQueueOptions,
} from 'nestjs-tasks';
import { WORKER_ID } from '../../../lib/queue/broker/queue-settings.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
const FORGED = '[Nest] 4242  - 11/29/2026, 9:00:00 AM     LOG [Tasks] Execution refund (order:1) completed in 12 ms';
/** Line breaks of every kind, sequences for terminals, and what turns the direction of the text. */
const EVIL = `evil\n${FORGED}\r${FORGED}\u2028${FORGED}\u2029\u001b[2J\u001b]0;title\u0007\u009b31m\u0085\u202e\u2066\u200f\u061c`;
const LONGEST_LINE = 2_100;

@Injectable()
class Jobs {
  constructor(private readonly context: TaskContext) {}

  @Durable('lines.fail')
  fail(message: string): never {
    throw new Error(message, { cause: new TypeError(message) });
  }

  @Durable('lines.throw')
  throw(text: string): never {
    // eslint-disable-next-line no-throw-literal
    throw text as unknown as Error;
  }

  @Durable('lines.odd')
  odd(text: string): never {
    throw Object.assign(new Error(text), { name: text, stack: `${text}\n${FORGED}\n    at ${text}` });
  }

  @Durable('lines.retry', { retry: { attempts: 2, delay: 1 } })
  retry(message: string): never {
    throw new Error(message);
  }

  @Durable('lines.picky', { retry: { attempts: 2, delay: 1, retryOn: (error) => raise((error as Error).message) } })
  picky(message: string): never {
    throw new Error(message);
  }

  @Durable('lines.logged')
  async logged(@Logged() text: unknown): Promise<void> {
    this.context.logger.log('hello');
    this.context.logger.error('bad', 'stack');
    await this.context.progress.message(String(text));
  }

  @Durable('lines.hold')
  async hold(failure?: string): Promise<void> {
    await new Promise((_resolve, reject) => {
      const { signal } = this.context;
      signal.addEventListener('abort', () => reject(failure === undefined ? signal.reason : new Error(failure)));
    });
  }
}

function raise(message: string): never {
  throw new Error(message);
}

/** Nest's logger, whose calls are kept. */
class Calls extends ConsoleLogger {
  readonly calls: unknown[][] = [];

  constructor() {
    super({ colors: false, logLevels: ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] });
    for (const level of ['log', 'error', 'warn', 'debug', 'verbose', 'fatal'] as const) {
      const write = this[level].bind(this) as (...args: unknown[]) => void;
      this[level] = (...args: unknown[]): void => {
        this.calls.push(args);
        write(...args);
      };
    }
  }
}

let logger: Calls;
let printed: string[];

beforeEach(() => {
  logger = new Calls();
  printed = [];
  const print = (chunk: unknown): boolean => (printed.push(String(chunk)), true);
  jest.spyOn(process.stdout, 'write').mockImplementation(print);
  jest.spyOn(process.stderr, 'write').mockImplementation(print);
});
afterEach(() => void jest.restoreAllMocks());

/** Over all that was logged and printed since the beginning of the test. */
function expectSoundLines(): void {
  jest.restoreAllMocks();
  expect(printed.length).toBeGreaterThan(0);
  for (const [message, ...rest] of logger.calls) {
    expect(message).toEqual(expect.any(String));
    const [line = '', ...stack] = String(message).split('\n');
    expect(line).not.toMatch(CONTROLS);
    expect(line.length).toBeLessThan(LONGEST_LINE);
    expectSoundStack(stack.join('\n'));
    for (const part of rest) expectSoundStack(typeof part === 'string' ? part : (JSON.stringify(part) ?? ''));
  }
  const text = printed.join('');
  expect(text.replaceAll('\n', '')).not.toMatch(CONTROLS);
  expect(text.split('\n').filter((line) => line.startsWith('[Nest] 4242'))).toEqual([]);
}

function expectSoundStack(stack: string): void {
  expect(stack.replaceAll(/[\n\t]/g, '')).not.toMatch(CONTROLS);
  expect(stack).not.toMatch(/^\[Nest\]/m);
  expect(stack.length).toBeLessThan(8_300);
}

async function start(queue: TaskQueueOptions, workerId = 'w-1'): Promise<INestApplicationContext & AsyncDisposable> {
  const worker = queue.worker ?? { lease: 1_000 };
  const module = await Test.createTestingModule({
    imports: [TasksModule.forRoot({ queue: { ...queue, worker }, shutdown: { gracePeriod: 20 } })],
    providers: [Jobs],
  })
    .overrideProvider(WORKER_ID)
    .useValue(workerId)
    .setLogger(logger)
    .compile();
  const app = await module.init();
  return Object.assign(app, { [Symbol.asyncDispose]: () => app.close() });
}

const LONG = `${EVIL}${'x'.repeat(1_000_000)}`;

describe.each([
  ['with control characters', EVIL],
  ['of a megabyte', LONG],
])('a text %s forges no line of a request task', (_what, text) => {
  type Schedule = (scheduler: TaskScheduler) => unknown;

  it.each<[string, Schedule]>([
    ['its name', (scheduler) => scheduler.task({ name: text }).schedule(() => raise('plain'))],
    ['the message of its error', (scheduler) => scheduler.schedule(() => raise(text))],
    [
      'the cause of its error',
      (scheduler) => scheduler.schedule(() => Promise.reject(new Error('a', { cause: new Error(text) }))),
    ],
    [
      'a message that was changed',
      (scheduler) => scheduler.schedule(() => Promise.reject(Object.assign(new Error(text), { message: 'b' }))),
    ],
    [
      'its stack',
      (scheduler) => scheduler.schedule(() => Promise.reject(Object.assign(new Error('a'), { stack: text }))),
    ],
    [
      'the name of its error',
      (scheduler) =>
        scheduler.schedule(() => Promise.reject(Object.assign(new Error('a'), { name: text, stack: undefined }))),
    ],
    ['what it throws', (scheduler) => scheduler.schedule(() => Promise.reject(text as unknown as Error))],
    ['its onError', (scheduler) => scheduler.task({ onError: () => raise(text) }).schedule(() => raise(text))],
  ])('by %s', async (_part, schedule) => {
    await using app = await start({ worker: false });
    const scheduler = app.get(TaskScheduler);
    schedule(scheduler);
    await scheduler.idle();
    expect(JSON.stringify(logger.calls)).toContain('failed');
    expectSoundLines();
  });

  it('by the reason of its cancellation, and what it throws then', async () => {
    await using app = await start({ worker: false });
    const scheduler = app.get(TaskScheduler);
    const context = app.get(TaskContext);
    const task = scheduler.schedule(
      () =>
        new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(new Error(text)));
        }),
    );
    await task.started;
    task.cancel(text);
    await task.done;
    expect(JSON.stringify(logger.calls)).toContain('was cancelled and stopped with');
    expectSoundLines();
  });
});

describe.each(BROKERS)('a text forges no line of a durable task: $label', (kind) => {
  const space = brokerSpace(kind);
  const options = (): TaskQueueOptions => space.options(space.newQueue());

  it.each(['fail', 'throw', 'odd', 'retry', 'picky'] as const)('by what it throws: %s', async (method) => {
    await using app = await start(options());
    const execution = await app.get(TaskQueue).add(app.get(Jobs)[method])(EVIL);
    await expect(execution.result({ timeout: '20s' })).rejects.toThrow('evil');
    await until(() => JSON.stringify(logger.calls).includes(' failed'), 'the line');
    expectSoundLines();
  });

  it('by its key, a logged argument, its progress, and the id of its worker', async () => {
    await using app = await start(options(), EVIL);
    const queue = app.get(TaskQueue);
    const jobs = app.get(Jobs);
    for (const argument of [EVIL, { [EVIL]: EVIL }, [EVIL]]) {
      const execution = await queue.add(jobs.logged, { key: EVIL })(argument);
      await execution.result({ timeout: '20s' });
    }
    await until(() => JSON.stringify(logger.calls).includes('completed'), 'the line');
    expect(JSON.stringify(logger.calls)).toContain('hello');
    expectSoundLines();
  });

  it('by tasks.trace and tasks.fail', async () => {
    await using app = await start(options());
    const queue = app.get(TaskQueue);
    await (await queue.add(tasks.trace)(EVIL)).result({ timeout: '20s' });
    await expect((await queue.add(tasks.fail)(EVIL)).result({ timeout: '20s' })).rejects.toThrow('evil');
    await until(() => JSON.stringify(logger.calls).includes('tasks.fail#'), 'the line');
    expectSoundLines();
  });

  it('by the reason of a cancellation, of what waits and of what runs', async () => {
    await using app = await start(options());
    const queue = app.get(TaskQueue);
    const jobs = app.get(Jobs);
    await queue.add(jobs.fail, { key: EVIL, when: '1h' })('');
    expect(await queue.cancel(EVIL, EVIL)).toBe('cancelled');
    for (const failure of [undefined, EVIL]) {
      const execution = await queue.add(jobs.hold)(failure);
      await until(async () => (await execution.refresh()).state === 'running', 'it to run');
      await until(() => app.get(TaskScheduler).running.length === 1, 'its task to run');
      await queue.cancel(execution.key, EVIL);
      const error: unknown = await execution.result({ timeout: '20s' }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'EXECUTION_CANCELLED' });
      expect((error as Error).message).not.toMatch(CONTROLS);
    }
    await until(() => JSON.stringify(logger.calls).includes('stopped with'), 'the line');
    expectSoundLines();
  });

  it('by a strike', async () => {
    await using app = await start(options());
    const queue = app.get(TaskQueue);
    const jobs = app.get(Jobs);
    const strike = { reason: EVIL, expiresIn: '1m' } as const;
    await queue.strike(EVIL, strike);
    await queue.strike(null, EVIL, '==', EVIL, strike);
    await queue.strike(jobs.fail, 'message', '==', EVIL, strike);
    expect((await queue.add(jobs.fail, { key: EVIL })(EVIL)).disposition).toBe('struck');
    await queue.restore(EVIL);
    await queue.restore(null, EVIL, '==', EVIL);
    await queue.restore(jobs.fail, 'message', '==', EVIL);
    expectSoundLines();
  });

  it('by the name of a task that is declared nowhere', async () => {
    await using app = await start(options());
    const queue = app.get(TaskQueue);
    await queue.add(EVIL, { remote: true, key: EVIL })();
    await until(() => JSON.stringify(logger.calls).includes('is not declared in this process'), 'the line');
    // It may be with the worker for a moment.
    await until(async () => (await queue.clear()) === 1, 'it to be gone');
    expect(logger.calls.length).toBeGreaterThan(1);
    expectSoundLines();
  });

  it('in an error of the library', async () => {
    await using app = await start({ ...options(), worker: false });
    const queue = app.get(TaskQueue);
    const jobs = app.get(Jobs);
    const execution = await queue.add(jobs.fail, { key: EVIL, when: '1h' })('');
    const calls: (() => unknown)[] = [
      () => queue.add(EVIL)(),
      () => queue.add(jobs.fail)({ [EVIL]: () => {} } as never),
      () => queue.strike(jobs.fail, EVIL, '==', 1),
      () => execution.result({ timeout: 1 }),
      () =>
        app
          .get(TaskScheduler)
          .task({ pool: EVIL })
          .schedule(() => {}),
      () => app.get(TaskScheduler).task({ timeout: EVIL }),
      () => queue.runAtMost({ [EVIL]: -1 }),
    ];
    for (const call of calls) {
      const error = await new Promise((resolve) => resolve(call())).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).not.toMatch(CONTROLS);
      expect((error as Error).message.length).toBeLessThan(LONGEST_LINE);
    }
    await queue.clear();
  });
});
