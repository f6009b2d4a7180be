import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { Broker, Signal } from '../../../../lib/queue/broker/broker.js';
import type { Limit } from '../../../../lib/queue/broker/limit.js';
import { BROKERS, brokerSpace, type BrokerKind } from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import { REDIS_PROGRAM, RedisServer } from '../../faults/redis-server.js';
import type { NewExecution } from '../../../../lib/queue/broker/record.js';

// With the time that tests wait for their turn.
jest.setTimeout(240_000);

const MANY = 20_000;
const AT_ONCE = 5_000;
/** More than are looked at one by one. */
const PARKED = 1_100;
const HOUR = 3_600_000;

/** `when` of the first third is now, of the next in an hour; the rest has priorities. */
function job(at: number): NewExecution {
  const when = at % 3 === 1 ? Date.now() + HOUR + at : undefined;
  return { key: `k${at}`, name: 'task', args: `[${at}]`, priority: at % 3 === 2 ? (at % 7) + 1 : 0, when };
}

const countOf = (of: (at: number) => boolean, many = MANY): number =>
  Array.from({ length: many }, (_, at) => at).filter(of).length;

async function fill(broker: Broker, many: number, of: (at: number) => NewExecution = job): Promise<void> {
  for (let from = 0; from < many; from += AT_ONCE) {
    const part = Array.from({ length: Math.min(AT_ONCE, many - from) }, (_, at) => of(from + at));
    const added = await broker.executions.add(part);
    expect(added.every(({ isNew }) => isNew)).toBe(true);
  }
}

/** Somebody else who asks the database, or the event loop, for a trifle. */
interface Bystander extends AsyncDisposable {
  ask(): Promise<unknown>;
}

async function openBystander({ label, url }: BrokerKind): Promise<Bystander> {
  if (label === 'memory') return { ask: () => setImmediate(), [Symbol.asyncDispose]: () => Promise.resolve() };
  if (label === 'redis') {
    const client = new Redis(url);
    return { ask: () => client.ping(), [Symbol.asyncDispose]: async () => void (await client.quit()) };
  }
  const client = new Client(url);
  await client.connect();
  return { ask: () => client.query('SELECT 1'), [Symbol.asyncDispose]: () => client.end() };
}

/** The longest that the bystander waits for an answer while something goes on, as a part of all its time. */
async function longestShare(bystander: Bystander, act: () => Promise<unknown>): Promise<number> {
  await bystander.ask();
  const start = performance.now();
  const over = new AbortController();
  let longest = 0;
  const end = act().finally(() => over.abort());
  while (!over.signal.aborted) {
    const asked = performance.now();
    await bystander.ask();
    longest = Math.max(longest, performance.now() - asked);
  }
  await end;
  return longest / (performance.now() - start);
}

/** A busy machine may be away for a while: up to four rounds, of which one must be good. */
async function leastShare(good: number, measure: () => Promise<number>): Promise<number> {
  let least = 1;
  for (let round = 0; round < 4 && least >= good; round += 1) least = Math.min(least, await measure());
  return least;
}

describe.each(BROKERS)('a long backlog, on $label', (kind) => {
  const space = brokerSpace(kind);
  let broker: Broker;
  beforeEach(() => {
    broker = space.open(space.newQueue());
  });
  afterEach(() => broker.close());

  it('is counted, listed, looked up, cancelled and cleared', async () => {
    await fill(broker, MANY);
    const due = countOf((at) => at % 3 !== 1);
    const { counts, records } = await broker.executions.list(1_000);
    expect(counts).toEqual({ scheduled: MANY - due, queued: due, parked: 0, running: 0, retrying: 0 });
    expect(new Set(records.map(({ key }) => key)).size).toBe(1_000);
    expect(await broker.executions.size()).toBe(MANY);

    const middle = MANY / 2;
    for (let at = middle; at < middle + 6; at += 1) {
      const { state, args, id } = (await broker.executions.get(`k${at}`)) ?? {};
      expect([state, args]).toEqual([at % 3 === 1 ? 'scheduled' : 'queued', `[${at}]`]);
      expect(await broker.executions.add([job(at)])).toEqual([{ id, key: `k${at}`, isNew: false }]);
      expect(await broker.executions.cancel(`k${at}`, 'not wanted')).toBe('cancelled');
      expect(await broker.executions.get(`k${at}`)).toMatchObject({
        id,
        state: 'cancelled',
        reason: 'not wanted',
        attempt: 1,
      });
    }

    expect(await broker.executions.clear('all must go')).toBe(MANY - 6);
    expect(await broker.executions.size()).toBe(0);
    expect(await broker.runs.claim()).toBeUndefined();
    expect((await broker.executions.list(10)).records).toEqual([]);
    for (const at of [0, 1, 2, 9_001, 9_002, 9_003, MANY - 1]) {
      const record = await broker.executions.get(`k${at}`);
      expect(record).toMatchObject({ state: 'cancelled', reason: 'all must go', args: `[${at}]`, attempt: 1, run: 1 });
      expect(await broker.executions.find(record?.id ?? '', `k${at}`)).toMatchObject({
        state: 'cancelled',
        reason: 'all must go',
      });
    }
    await fill(broker, 100); // the keys are free
    expect(await broker.executions.clear('all must go')).toBe(100);
  });

  it('keeps nobody waiting while it is looked at and cleared', async () => {
    await using bystander = await openBystander(kind);
    const looks = async (): Promise<void> => {
      for (let look = 0; look < 10; look += 1) await broker.executions.list(1_000);
    };
    if (kind.isShared) {
      await fill(broker, MANY);
      expect(await leastShare(0.5, () => longestShare(bystander, looks))).toBeLessThan(0.5);
      await broker.executions.clear('room for the next');
    }
    const clearing = async (): Promise<number> => {
      await fill(broker, MANY);
      return longestShare(bystander, () => broker.executions.clear('all must go'));
    };
    expect(await leastShare(0.4, clearing)).toBeLessThan(0.4);
  });

  it('is cleared while others start, add and replace', async () => {
    await fill(broker, 3_000, (at) => ({ ...job(at), when: undefined, priority: 0 }));
    const started = new Set<string>();
    const over = new AbortController();
    const work = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await setImmediate(); // in memory, all is answered at once
        const claim = await broker.runs.claim();
        if (claim === undefined) continue;
        started.add(claim.record.key);
        await broker.runs.settle(claim, { type: 'complete', result: '[null]' }, false);
      }
    };
    const works = [work(), work()];
    await until(() => started.size > 10, 'some to start');
    const replaced = broker.executions.replace({ ...job(2_900), key: 'k2900', when: Date.now() + HOUR });
    const cleared = await broker.executions.clear('all must go');
    await replaced;
    await broker.executions.clear('the replacement, too');
    over.abort();
    await Promise.all(works);
    expect(await broker.executions.size()).toBe(0);
    const keys = Array.from({ length: 3_000 }, (_, at) => `k${at}`);
    const states = await Promise.all(
      keys.map(async (key) => [key, (await broker.executions.get(key))?.state] as const),
    );
    for (const [key, state] of states)
      expect([key, state]).toEqual([key, started.has(key) ? 'completed' : 'cancelled']);
    expect(cleared + started.size).toBeGreaterThanOrEqual(2_999);
  });

  it('counts all that is parked, behind as many that are scheduled', async () => {
    await fill(broker, PARKED, (at) => ({ ...job(at), when: undefined, priority: 0 }));
    for (let claim = await broker.runs.claim(); claim !== undefined;) {
      claim = await broker.runs.settle(claim, { type: 'park', reason: 'held' }, true);
    }
    await fill(broker, PARKED, (at) => ({ ...job(at), key: `later${at}`, when: Date.now() + HOUR }));
    const { counts } = await broker.executions.list(10);
    expect(counts).toEqual({ scheduled: PARKED, queued: 0, parked: PARKED, running: 0, retrying: 0 });
    expect(await broker.executions.get('k7')).toMatchObject({ state: 'parked', reason: 'held' });
    expect(await broker.runs.wake('k7')).toBe(true);
    expect(await broker.executions.clear('all must go')).toBe(2 * PARKED);
    expect(await broker.executions.get('k8')).toMatchObject({ state: 'cancelled', reason: 'all must go', starts: 0 });
  });

  it('leaves no place in line behind, and the slots to those who run', async () => {
    await using patient = space.open(space.newQueue(), { lease: 60_000 }); // as long as the test may take
    const limits: Limit[] = [{ type: 'concurrency', pool: '["task",null,null]', max: 1 }];
    await fill(patient, 300, (at) => ({ ...job(at), when: undefined, priority: 0 }));
    const running = await patient.runs.claim();
    if (running === undefined) throw new Error('There is nothing to claim');
    expect((await patient.limits.admit(running, limits)).type).toBe('admitted');
    for (let claim = await patient.runs.claim(); claim !== undefined;) {
      expect((await patient.limits.admit(claim, limits)).type).toBe('waits');
      claim = await patient.runs.settle(claim, { type: 'park', reason: 'full' }, true);
    }
    expect(await patient.executions.clear('all must go')).toBe(299);
    const [pool, ...others] = await patient.limits.pools();
    expect(others).toEqual([]);
    expect(pool).toMatchObject({ holders: [{ id: running.id }], waiters: [] });
    await patient.runs.settle(running, { type: 'complete', result: '[null]' }, false);
    await until(async () => (await patient.limits.pools()).length === 0, 'the slot to be free');
    expect(await patient.executions.size()).toBe(0);
  });

  it('tells of each that is cleared', async () => {
    const heard = new Set<string>();
    await broker.signals.subscribe((signal: Signal) => {
      if (signal.type === 'changed') heard.add(signal.id);
    });
    const added = await broker.executions.add(Array.from({ length: 700 }, (_, at) => job(at)));
    heard.clear();
    expect(await broker.executions.clear('all must go')).toBe(700);
    await until(() => added.every(({ id }) => heard.has(id)), 'all to be told');
  });

  it('keeps what the last run has left for those that are cleared', async () => {
    await broker.executions.add([{ ...job(0), key: 'k' }]);
    const claim = await broker.runs.claim();
    if (claim === undefined) throw new Error('There is nothing to claim');
    const error = { name: 'Error', message: 'half \ud800, "quoted" \\ and \0' };
    await broker.runs.settle(claim, { type: 'reschedule', at: Date.now() + HOUR, args: '["next"]', error }, false);
    const before = await broker.executions.get('k');
    await broker.executions.clear('all must go');
    const { endedAt, ...record } = (await broker.executions.get('k')) ?? {};
    expect(endedAt).toBeGreaterThan(0);
    expect(record).toEqual({ ...before, state: 'cancelled', reason: 'all must go' });
    expect(record).toMatchObject({ args: '["next"]', run: 2, attempt: 1 });
  });

  it('asks before it cancels what waits, and after it has told what runs', async () => {
    await broker.executions.add([{ ...job(0), key: 'waits' }]);
    const asked: string[] = [];
    const foretell = async (): Promise<void> => {
      asked.push(String((await broker.executions.get('waits'))?.state));
    };
    expect(await broker.executions.cancel('waits', 'not wanted', undefined, foretell)).toBe('cancelled');
    expect(asked).toEqual(['queued']);
    await broker.executions.add([{ ...job(0), key: 'runs' }]);
    const claim = await broker.runs.claim();
    if (claim === undefined) throw new Error('There is nothing to claim');
    expect((await broker.runs.renew([claim])).cancelled).toEqual(new Map());
    expect(await broker.executions.cancel('runs', 'not wanted', undefined, foretell)).toBe('signalled');
    expect(asked).toHaveLength(1);
    expect((await broker.runs.renew([claim])).cancelled).toEqual(new Map([[claim, 'not wanted']]));
    await broker.runs.settle(claim, { type: 'cancel', reason: 'not wanted' }, false);
  });

  it('goes on where what is about to be cancelled is started meanwhile', async () => {
    await broker.executions.add([{ ...job(0), key: 'k' }]);
    const claims: unknown[] = [];
    const start = async (): Promise<void> => void claims.push(await broker.runs.claim());
    expect(await broker.executions.cancel('k', 'not wanted', undefined, start)).toBe('signalled');
    expect(claims).toEqual([expect.objectContaining({ token: expect.any(String) })]);
    expect(await broker.executions.get('k')).toMatchObject({ state: 'running' });
  });
});

const redis = BROKERS.find(({ label }) => label === 'redis');
const isTestable = redis !== undefined && REDIS_PROGRAM !== undefined;

(isTestable ? describe : describe.skip)('commands, on redis', () => {
  // Of its own: others would be seen as well.
  const server = new RedisServer();
  const kind: BrokerKind = { label: 'redis', url: server.url, isShared: true };
  beforeAll(() => server.start());
  const space = brokerSpace(kind);
  afterAll(() => server[Symbol.asyncDispose]());

  /** What the server is asked for, by clients and by scripts, while something is done. */
  async function watch(act: () => Promise<unknown>): Promise<{ client: string[]; all: string[] }> {
    const watcher = new Redis(kind.url);
    const monitor = await watcher.monitor();
    const client: string[] = [];
    const all: string[] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      const text = args.join(' ');
      if (!text.includes(space.prefix)) return;
      all.push(text);
      if (source !== 'lua') client.push(text);
    });
    await watcher.ping();
    await act();
    await watcher.echo(`${space.prefix} end`);
    await until(() => all.some((text) => text.toLowerCase().startsWith('echo')), 'the monitor');
    monitor.disconnect();
    watcher.disconnect();
    return { client, all };
  }

  it('look through no long list', async () => {
    await using broker = space.open(space.newQueue());
    await fill(broker, 2_000, (at) => ({ ...job(at), when: undefined, priority: 0 }));
    await fill(broker, 100, (at) => ({ ...job(at), key: `later${at}`, when: Date.now() + HOUR }));
    const { all } = await watch(async () => {
      expect(await broker.executions.size()).toBe(2_100);
      expect((await broker.executions.get('k1000'))?.state).toBe('queued');
      expect((await broker.executions.list(100)).records).toHaveLength(100);
      expect(await broker.executions.add([job(1_500)])).toMatchObject([{ isNew: false }]);
      expect(await broker.executions.cancel('k1000', 'not wanted')).toBe('cancelled');
    });
    expect(all.filter((text) => /^lpos \S+:wait /i.test(text))).toEqual([]);
    expect(all.filter((text) => /^lrem \S+:wait /i.test(text))).toHaveLength(1);
    expect(all.filter((text) => /^l?z?range \S+ 0 -1/i.test(text))).toEqual([]);
  });

  it('send the signal of a cancellation first', async () => {
    await using broker = space.open(space.newQueue());
    await broker.executions.add([{ ...job(0), key: 'k' }]);
    await broker.runs.claim();
    const { client, all } = await watch(() => broker.executions.cancel('k', 'not wanted'));
    const publish = all.findIndex((text) => /^publish /i.test(text));
    expect(publish).toBeGreaterThan(0);
    expect(all.slice(0, publish).filter((text) => client.includes(text))).toHaveLength(1);
    expect(all.findIndex((text) => /^set \S+\/cancel:/i.test(text))).toBeLessThan(publish);
  });
});
