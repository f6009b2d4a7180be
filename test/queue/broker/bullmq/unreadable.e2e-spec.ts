import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { QUIET } from '../../../../lib/queue/broker/broker.js';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext, TaskQueue } from 'nestjs-tasks';
import { Gate } from '../../../support/app.js';
import { brokerSpace, SHARED_BROKERS, type BrokerSpace } from '../../../support/brokers.js';
import { observe, startQueue, type QueueContext } from '../../../support/queue-context.js';
import { until } from '../../../support/until.js';
import { Chance } from '../../faults/chance.js';
import { mutateText, openRawStore, pick } from '../../raw-store.js';

// With the time that tests wait for their turn.
jest.setTimeout(600_000);

/** Stored records and signals of each kind that are damaged, on each database. */
const RECORDS = Number(process.env['TASKS_TEST_RECORDS'] ?? 300);
const SIGNALS = 1_000;
const SOUND = 20;

@Injectable()
class Notes {
  static gate = new Gate();

  constructor(
    readonly context: TaskContext,
    readonly queue: TaskQueue,
  ) {}

  @Durable('notes.write')
  write(...args: unknown[]): number {
    return args.length;
  }

  @Durable('notes.pass')
  async pass(): Promise<void> {
    await Notes.gate.passed;
  }

  @Durable('notes.wait')
  wait(): Promise<void> {
    const { signal } = this.context;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

const NOTES = { providers: [Notes] };
const chance = new Chance();
const rejections: unknown[] = [];
const remember = (reason: unknown): void => void rejections.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', remember);
});

afterAll(() => {
  process.off('unhandledRejection', remember);
  process.stderr.write(`unreadable: seed ${chance.seed}\n`);
});

afterEach(() => {
  const [first] = rejections.splice(0);
  if (first !== undefined) throw new Error('A rejection that nobody has handled', { cause: first });
});

/** Fields of a stored job, by the names that both databases know, and what may be found there. */
const DAMAGES: readonly (readonly [what: string, field: string, value: string])[] = [
  ['data that are cut off', 'data', '{"$args":'],
  ['data of another producer', 'data', '{"a":1}'],
  ['data that are null', 'data', 'null'],
  ['data that are a number', 'data', '42'],
  ['an envelope without arguments', 'data', '{"$args":5}'],
  ['an envelope that follows nothing that is known', 'data', '{"$args":"[1]","after":"abc"}'],
  ['an envelope that follows numbers', 'data', '{"$args":"[1]","after":[1,2]}'],
  ['an envelope that carries nothing that is known', 'data', '{"$args":"[1]","carried":{"tenant":"a"}}'],
  ['an envelope that carries what is damaged', 'data', '{"$args":"[1]","carried":"{"}'],
  ['arguments that are no list', 'data', '{"$args":"{}"}'],
  ['arguments that are damaged', 'data', '{"$args":"[1,"}'],
  [
    'arguments of a class that nobody knows',
    'data',
    '{"$superjson":{"json":[1],"meta":{"values":{"0":[["class","Evil"]]}}}}',
  ],
];

/** What is not data spoils no run. */
const HARMLESS: readonly (readonly [what: string, field: string, value: string])[] = [
  ['a memo that is cut off', 'failedReason', '{oops'],
  [
    'a memo of other types',
    'failedReason',
    '{"when":"x","since":[],"run":null,"args":5,"error":7,"reason":{},"state":"no"}',
  ],
  ['progress that is no progress', 'progress', '[1,"x"]'],
];

/** Of Redis alone: PostgreSQL holds no JSON that cannot be read, and no job without a name. */
const REDIS_DAMAGES: typeof DAMAGES = [
  ['an empty name', 'name', ''],
  ['no time', 'timestamp', 'yesterday'],
];

/** BullMQ's own, at which its scripts or its reader stop: they are mended. */
const REDIS_HARMLESS: typeof DAMAGES = [
  ['options that are cut off', 'opts', '{"de'],
  ['options that are null', 'opts', 'null'],
  ['progress that is cut off', 'progress', '{x'],
  ['a parent that is cut off', 'parent', '{'],
  ['starts that are no number', 'ats', 'one'],
  ['attempts that are no number', 'atm', '1e999'],
  ['crashes that are no number', 'stc', '-'],
];

/** A process that only adds. */
function start(space: BrokerSpace): Promise<QueueContext> {
  return startQueue(space, NOTES, { worker: false });
}

describe.each(SHARED_BROKERS)('what lies in the store, on $label', (kind) => {
  const space = brokerSpace(kind);
  const isRedis = kind.label === 'redis';
  const spoiling = isRedis ? [...DAMAGES, ...REDIS_DAMAGES] : DAMAGES;
  const harmless = isRedis ? [...HARMLESS, ...REDIS_HARMLESS] : HARMLESS;
  it('retries an execution, whatever the time of its end is said to be', async () => {
    await using test = await startQueue(space, NOTES);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    // The columns of PostgreSQL keep nothing but numbers.
    for (const time of isRedis ? ['12.5', '0012', 'soon', '9'.repeat(20)] : []) {
      const ended = await test.queue.add('notes.write', { key: 'bad' })('bad');
      await ended.result();
      await raw.set(ended.id, 'finishedOn', time);
      expect(await test.queue.retry(ended)).toBe('retried');
      await expect(ended.result({ timeout: '20s' })).resolves.toBe(1);
    }
    expect((await test.queue.snapshot()).total).toBe(0);
  });

  it.each(spoiling)('fails an execution with %s, and goes on with the next', async (_what, field, value) => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    const bad = await test.queue.add('notes.write', { key: 'bad' })('bad');
    const id = await raw.idOf('bad');
    await raw.set(id, field, value);
    await test.queue.add('notes.write', { key: 'good' })('good');
    expect((await test.queue.snapshot()).total).toBe(2);
    expect((await test.queue.add('notes.write', { key: 'bad' })('again')).disposition).toBe('already-scheduled');

    await using worker = await startQueue(space, NOTES, { fleet: test.fleet, concurrency: 1 });
    const good = await worker.queue.get('good');
    await expect(good?.result({ timeout: '20s' })).resolves.toBe(1);
    await until(async () => (await raw.stateOf(id)) === 'failed', 'the damaged one to have failed');
    const ended = (await test.queue.get('bad')) ?? (await test.queue.get(id));
    expect(ended).toMatchObject({ state: 'failed', error: { message: expect.any(String) } });
    await expect(bad.refresh().then(({ state }) => state)).resolves.toBe('failed');
    await until(() => worker.queue.counts.completed === 1, 'the worker to hear that its run is recorded');
    expect(worker.queue.counts).toMatchObject({ completed: 1, leasesLost: 0, recovered: 0 });
    expect((await test.queue.snapshot()).total).toBe(0);
  });

  it.each(harmless)('runs an execution with %s', async (_what, field, value) => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    const execution = await test.queue.add('notes.write', { key: 'k' })('fine');
    await raw.set(await raw.idOf('k'), field, value);
    expect((await test.queue.snapshot()).executions).toHaveLength(1);
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet });
    await expect(execution.result({ timeout: '20s' })).resolves.toBe(1);
    await until(() => worker.queue.counts.completed === 1, 'the worker to hear that its run is recorded');
    expect(worker.queue.counts).toMatchObject({ completed: 1, leasesLost: 0 });
  });

  it.each([...spoiling, ...harmless])(
    'can be looked at, cancelled and cleared with %s',
    async (_what, field, value) => {
      await using test = await start(space);
      await using raw = await openRawStore(kind, space.prefix, test.fleet);
      for (const key of ['a', 'b']) await test.queue.add('notes.write', { key, when: '1h' })(key);
      const id = await raw.idOf('a');
      await raw.set(id, field, value);
      await raw.set(await raw.idOf('b'), field, value);
      const seen = (await test.queue.get('a')) ?? (await test.queue.get(id));
      expect(JSON.stringify(seen)).toContain('"key"');
      expect(await test.queue.cancel('a')).toBe('cancelled');
      expect(await test.queue.clear()).toBe(1);
      expect((await test.queue.snapshot()).total).toBe(0);
      expect((await test.queue.add('notes.write', { key: 'a', when: '1h' })(1)).disposition).toBe('scheduled');
      await test.queue.clear();
    },
  );

  it('fails an execution whose record is gone, and frees its slot and its key', async () => {
    if (!isRedis) return; // on PostgreSQL the row is all that there is
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    await test.queue.add('notes.write', { key: 'gone' })(1);
    const id = await raw.idOf('gone');
    await raw.remove(id);
    const good = await test.queue.add('notes.write', { key: 'good' })(1);
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet, concurrency: 1 });
    await expect(good.result({ timeout: '20s' })).resolves.toBe(1);
    await until(async () => (await raw.stateOf(id)) === 'failed', 'the one that is gone to have failed');
    expect(worker.logs.matching('is unreadable')).toHaveLength(1);
    const again = await test.queue.add('notes.write', { key: 'gone' })(1);
    await expect(again.result({ timeout: '20s' })).resolves.toBe(1);
  });

  it('frees the key of an execution whose record is gone', async () => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    await test.queue.add('notes.write', { key: 'gone', when: '1h' })(1);
    await raw.remove(await raw.idOf('gone'));
    expect(await test.queue.get('gone')).toBeUndefined();
    const again = await test.queue.add('notes.write', { key: 'gone', when: '1h' })(2);
    expect(again.disposition).toBe('scheduled');
    expect(await again.cancel()).toBe('cancelled');
    await test.queue.clear();
  });

  it('frees the key that an addition takes again when its execution has ended', async () => {
    await using worker = await startQueue(space, NOTES);
    await using raw = await openRawStore(kind, space.prefix, worker.fleet);
    const execution = await worker.queue.add('notes.write', { key: 'late', when: 200 })(1);
    const id = await raw.idOf('late');
    await execution.result({ timeout: '20s' });
    await raw.addAgain(id, 'late');
    await until(async () => (await raw.idOf('late')) === '', 'the key to be free');
    expect(worker.queue.counts.started).toBe(1);
  });

  it('loses no slot with the record of a run that is gone', async () => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    Notes.gate = new Gate();
    const run = await test.queue.add('notes.pass', { key: 'running' })();
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet, concurrency: 1 });
    await until(async () => (await run.refresh()).state === 'running', 'the run to begin');
    await raw.remove(await raw.idOf('running'));
    Notes.gate.pass();
    const good = await test.queue.add('notes.write', { key: 'good' })(1);
    await expect(good.result({ timeout: '30s' })).resolves.toBe(1);
    await until(() => worker.queue.counts.completed === 1, 'the worker to hear that its run is recorded');
    expect(worker.queue.counts).toMatchObject({ completed: 1, leasesLost: 1 });
    const again = await test.queue.add('notes.write', { key: 'running' })(1);
    await expect(again.result({ timeout: '30s' })).resolves.toBe(1);
  });

  it.each(['strikes', 'fan-ins', 'held'])('skips damaged entries of %s with a line each', async (map) => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    const texts = [
      '{',
      'null',
      '7',
      '{}',
      '{"key":1,"after":[null],"since":"x"}',
      '{"target":"{","mode":"drop","since":1}',
    ];
    for (const [at, text] of texts.entries()) await raw.setEntry(map, `f${at}`, text);
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet });
    const execution = await test.queue.add('notes.write')(1);
    await expect(execution.result({ timeout: '20s' })).resolves.toBe(1);
    expect(await worker.queue.strikes()).toEqual([]);
    await until(() => worker.queue.counts.unreadable >= texts.length, 'each to be counted');
    await raw.setEntry(map, 'late', '{');
    await until(() => worker.logs.matching('late is unreadable').length > 0, 'a line for another');
  });

  it('skips damaged workers and replacements', async () => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    for (const text of ['{', 'null', '{"worker":5,"until":1e15}', '{"worker":{"id":1},"until":1e15}']) {
      await raw.setEntry(`${QUIET}workers`, `w-${text.length}`, text);
      await raw.setEntry(`${QUIET}replacements`, `r-${text.length}`, text);
    }
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet, lease: 1_000 });
    await until(async () => (await test.queue.workers()).length === 1, 'the worker to announce itself');
    const execution = await test.queue.replace('notes.write', { key: 'r', when: new Date() })(1);
    await expect(execution.result({ timeout: '20s' })).resolves.toBe(1);
    expect(worker.logs.matching('is unreadable').length).toBeGreaterThan(0);
  });

  it(`survives ${RECORDS} mutated records: no slot is lost, and sound work goes on`, async () => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    const keys = Array.from({ length: RECORDS }, (_, at) => `bad-${at}`);
    await Promise.all(keys.map((key) => test.queue.add('notes.write', { key })(key, { at: new Date() })));
    const ids = await Promise.all(keys.map((key) => raw.idOf(key)));
    for (const id of ids) await raw.mutate(id, chance);
    const sound = await Promise.all(Array.from({ length: SOUND }, (_, at) => test.queue.add('notes.write')(at)));
    await test.queue.snapshot();
    await Promise.all(keys.slice(0, 50).map((key) => test.queue.get(key)));

    await using worker = await startQueue(space, NOTES, { fleet: test.fleet, concurrency: 10 });
    const results = await Promise.all(sound.map((execution) => execution.result({ timeout: '400s' })));
    expect(results).toEqual(sound.map(() => 1));
    const observer = observe(space, worker);
    await test.queue.snapshot();
    await test.queue.clear();
    // Names that no worker knows come back again and again.
    await until(
      async () => {
        await test.queue.clear();
        return (await observer.executions.size()) === 0;
      },
      'nothing to be left',
      60_000,
    );
    Notes.gate = new Gate();
    const slots = await Promise.all(Array.from({ length: 10 }, () => test.queue.add('notes.pass')()));
    await until(
      async () => (await test.queue.snapshot()).counts.running === slots.length,
      'each slot to be used',
      60_000,
    );
    Notes.gate.pass();
    await Promise.all(slots.map((execution) => execution.result({ timeout: '60s' })));
    await observer[Symbol.asyncDispose]();
    await worker.context.close();
    await raw.destroy(); // a script of BullMQ's that stops half-way may leave parts of a job
  });

  it(`survives ${SIGNALS} mutated signals, and does nothing that the store does not confirm`, async () => {
    await using test = await start(space);
    await using raw = await openRawStore(kind, space.prefix, test.fleet);
    await using worker = await startQueue(space, NOTES, { fleet: test.fleet });
    const run = await test.queue.add('notes.wait', { key: 'running' })();
    await until(async () => (await run.refresh()).state === 'running', 'the run to begin');
    const id = await raw.idOf('running');
    const templates = [
      { type: 'cancel', id, reason: 'forged' },
      { type: 'watch', key: 'running', id },
      { type: 'changed', key: 'running', id },
      { type: 'map', map: 'strikes' },
      { type: 'replaced', key: 'running' },
      { type: 'work' },
    ];
    for (let sent = 0; sent < SIGNALS; sent += 1) {
      const text = JSON.stringify(pick(chance, templates));
      await raw.publish(pick(chance, [text, mutateText(text, chance)]));
    }
    for (const text of ['x', 'null', '[]', '{"type":"cancel"}', '{"type":"cancel","id":5}']) await raw.publish(text);
    const sound = await test.queue.add('notes.write')(1);
    await expect(sound.result({ timeout: '20s' })).resolves.toBe(1);
    await until(() => worker.queue.counts.signalsRefused >= 5, 'the refusals to be counted');
    expect((await run.refresh()).state).toBe('running');
    expect(await test.queue.cancel('running', 'in earnest')).toBe('signalled');
    await expect(run.result({ timeout: '20s' })).rejects.toMatchObject({
      code: 'EXECUTION_CANCELLED',
      reason: 'in earnest',
    });
    expect(worker.logs.matching('no signal').length).toBeLessThanOrEqual(2); // of two processes
  });
});
