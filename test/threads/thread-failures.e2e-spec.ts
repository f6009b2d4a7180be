import { describe, expect, it } from '@jest/globals';
import { TasksError, type Task } from 'nestjs-tasks';
import { startContext, type TestContext } from '../support/context.js';
import { until } from '../support/until.js';
import { fixture, Gate } from './gate.js';

/** Of the export `name` of fixtures/failures.js, or of another file. */
function schedule({ scheduler }: TestContext, name: string | undefined, args: unknown[], file = 'failures.js'): Task {
  return scheduler.task({ thread: fixture(file, name) }).schedule(...args) as Task;
}

async function errorOf(app: TestContext, name: string, ...args: unknown[]): Promise<unknown> {
  const outcome = await schedule(app, name, args).done;
  if (outcome.status !== 'failed') throw new Error(`${name} has ${outcome.status}`);
  return outcome.error;
}

/** A file in fixtures/, at the end of the path. */
const failures = /failures\.js: /.source;

describe('what the export throws', () => {
  it('arrives as that error: its class, name, message, stack, causes and properties', async () => {
    await using app = await startContext();
    const error = (await errorOf(app, 'fail')) as TypeError & Record<string, unknown>;
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      name: 'StoreError',
      message: 'the store is closed',
      stack: expect.stringMatching(/the store is closed\n {4}at fail .*failures\.js:/),
      code: 'E_STORE',
      at: new Date(0),
      cause: { name: 'RangeError', message: '7 is too much', cause: 'a full disk' },
    });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(Object.keys(error)).toEqual(['code', 'at']); // and not the function that it had
  });

  it('may be its own cause', async () => {
    await using app = await startContext();
    await expect(errorOf(app, 'failInCircles')).resolves.toMatchObject({ message: 'round and round' });
  });

  it.each(['text', 0, null, undefined, { status: 404 }])('arrives as %j where that is no error', async (value) => {
    await using app = await startContext();
    await expect(errorOf(app, 'throwValue', value)).resolves.toEqual(value);
  });
});

describe.each<[what: string, name: string, args: unknown[], message: RegExp]>([
  ['an exit of the process', 'exit', [3], /its thread ended before the function did \(worker exited with code: 3\)\./],
  [
    'an exit without an error',
    'exit',
    [0],
    /its thread ended before the function did \(worker exited with code: 0\)\./,
  ],
  ['an error in a timer', 'failInTimer', [new Error('late')], /its thread ended before the function did \(late\)\./],
  ['null, thrown in a timer', 'failInTimer', [null], /its thread ended before the function did \(null was thrown/],
  ['undefined, thrown in a timer', 'failInTimer', [undefined], /its thread ended before the function did\./],
  [
    'a failed promise that nobody awaits',
    'failAside',
    [],
    /its thread ended before the function did \(nobody awaits it\)\./,
  ],
  ['too little memory', 'exhaustMemory', [], /its thread ended before the function did \(Worker terminated .* memory/],
  ['a result that cannot be cloned', 'returnFunction', [], /its result cannot be cloned \(.*\)\. Return data/],
  ['a thrown value that cannot be cloned', 'throwFunction', [], /what it threw cannot be cloned \(.*\)\. Throw an/],
  ['an error that cannot be read', 'failUnreadably', [], /what it threw cannot be cloned \(not even its message\)/],
  [
    'an argument that cannot be cloned',
    'throwValue',
    ['fine', { onDone: () => {} }],
    /argument 1 \(from 0\) cannot be cloned into a thread\. Pass data without functions\.$/,
  ],
  [
    'an export that is not there',
    'fale',
    [],
    /the file has no such export\. The file exports exhaustMemory, exit, fail, /,
  ],
])('%s', (_, name, args, message) => {
  it('fails its task, and nothing else', async () => {
    await using app = await startContext({ threads: { max: 2, resourceLimits: { maxOldGenerationSizeMb: 24 } } });
    const gate = new Gate();
    const neighbour = app.scheduler.task({ thread: fixture('gates.js', 'wait') }).schedule(gate.memory);
    await gate.entered();
    const failing = schedule(app, name, args);
    const behind = Array.from({ length: 3 }, (__, index) =>
      app.scheduler.task({ thread: fixture('arithmetic.js', 'add') }).schedule(index, 1),
    );
    const outcome = await failing.done;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'THREAD', name: 'ThreadError' } });
    const { error } = outcome as { error: TasksError };
    expect(error).toBeInstanceOf(TasksError);
    expect(error.message).toMatch(RegExp(`^${name} of /.*${failures}${message.source}`));
    expect(await Promise.all(behind.map((task) => task.result()))).toEqual([1, 2, 3]);
    gate.open();
    await expect(neighbour.result()).resolves.toBe('waited');
  });
});

describe('a file', () => {
  it.each([
    ['missing.js', /default of .*missing\.js: the file cannot be imported \(Cannot find module .*JavaScript/],
    ['broken.js', /default of .*broken\.js: the file cannot be imported \(the codec is missing\)/],
    ['nothing.js', /default of .*nothing\.js: the file has no such export\. The file exports nothing\./],
  ])('%s fails the task', async (file, message) => {
    await using app = await startContext();
    const { error } = (await schedule(app, undefined, [], file).done) as { error: TasksError };
    expect(error).toMatchObject({ code: 'THREAD', message: expect.stringMatching(message) });
  });

  it('whose export is no function fails the task', async () => {
    await using app = await startContext();
    const { error } = (await schedule(app, 'total', [], 'arithmetic.js').done) as { error: TasksError };
    expect(error).toMatchObject({
      file: expect.stringMatching(/arithmetic\.js$/),
      exportName: 'total',
      message: expect.stringMatching(/of type number, and no function\. The file exports add, addSoon, default, echo/),
    });
  });
});

describe('a thread that ends while no task runs in it', () => {
  it('is told of in a warning, and replaced', async () => {
    await using app = await startContext({ threads: { max: 1 } });
    const gate = new Gate();
    await expect(schedule(app, 'failAfterwards', [gate.memory]).result()).resolves.toBe('returned');
    gate.open();
    const [line] = await until(() => {
      const lines = app.logs.matching('A thread ended');
      return lines.length > 0 && lines;
    }, 'the warning');
    expect(line).toMatch(/^warn A thread ended while no task ran in it\. .*: Error: failed afterwards\n/s);
    await expect(schedule(app, 'add', [1, 2], 'arithmetic.js').result()).resolves.toBe(3);
  });

  it('fails the tasks that were to run in it when it cannot start', async () => {
    await using app = await startContext({ threads: { max: 1, resourceLimits: { maxOldGenerationSizeMb: 1 } } });
    const { error } = (await schedule(app, 'add', [1, 2], 'arithmetic.js').done) as { error: TasksError };
    expect(error).toMatchObject({ code: 'THREAD', message: expect.stringContaining('no thread can start') });
    expect(error).toMatchObject({ cause: { cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } } });
  });
});
