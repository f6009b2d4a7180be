import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TaskCrashedError } from 'nestjs-tasks';
import { BrokerSpace, brokerSpace, SHARED_BROKERS } from '../support/brokers.js';
import { until } from '../support/until.js';
import { Chance } from './faults/chance.js';
import type { Step } from './faults/fault-tasks.js';
import { Programs, type WorkerProcess, type WorkerSettings } from './faults/fleet.js';
import { Recoveries } from './faults/recoveries.js';
import type { Run } from './faults/run-journal.js';
import { LEASE, RECOVERY, Stage } from './faults/stage.js';

jest.setTimeout(60_000);

const LONG: Step = { ms: 60_000 };
const SHORT: Step = { ms: 50 };

const chance = new Chance();
const recoveries = new Recoveries();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`faults: seed ${chance.seed}, ${recoveries}\n`);
});

/** The run with that number, from 1. */
function nthRun(stage: Stage, key: string, number: number): Promise<Run> {
  return until(() => stage.journal.runs(key)[number - 1], `run ${number} of ${key}`, 10_000);
}

describe.each(SHARED_BROKERS)('worker processes on $label', (kind) => {
  const space = brokerSpace(kind);
  const openStage = (): Stage => new Stage(programs, space.options(space.newQueue()));

  it('are not needed when they are killed while idle', async () => {
    await using stage = openStage();
    const [victim, survivor] = await Promise.all([stage.spawn(), stage.work()]);
    await survivor.add('before', SHORT);
    await until(() => stage.journal.completed('before').length === 1, 'the first execution');
    victim.signal('SIGKILL');

    for (let number = 0; number < 10; number += 1) {
      const addedAt = Date.now();
      await survivor.add(`key-${number}`, { ms: 0 });
      const { startedAt } = await nthRun(stage, `key-${number}`, 1);
      // The killed process may have taken a bell with it; a worker looks by itself twice in a lease.
      expect(startedAt - addedAt).toBeLessThan(LEASE);
    }
    expect(stage.journal.runs()).toHaveLength(11);
  });

  describe.each<[when: string, death: WorkerSettings['death']]>([
    ['in a body', undefined],
    ['while it renews its lease', { at: 'renewing', delay: chance.below(4) }],
    ['just after it has renewed its lease', { at: 'renewed' }],
    ['between the end of a body and its recording', { at: 'before settling' }],
  ])('are replaced when they are killed %s', (_when, death) => {
    it('within two leases, and without using up an attempt', async () => {
      await using stage = openStage();
      const [client, victim] = await Promise.all([
        stage.client(),
        stage.spawn({ ...(death && { death }), queue: { worker: { lease: LEASE, concurrency: 2 } } }),
      ]);
      const step = death?.at === 'before settling' ? { ms: 300 } : LONG;
      const keys = ['a', 'b'];
      const executions = await Promise.all(keys.map((key) => client.add(key, step, SHORT)));
      await Promise.all(keys.map((key) => nthRun(stage, key, 1)));
      await stage.work();
      if (death === undefined) victim.signal('SIGKILL');
      await victim.exited;

      expect(await Promise.all(executions.map((execution) => execution.result({ timeout: '10s' })))).toEqual([
        process.pid,
        process.pid,
      ]);
      const diedAt = stage.deaths.get(victim.pid) ?? NaN;
      for (const key of keys) {
        const [first, second, ...others] = stage.journal.runs(key);
        expect([first, second]).toMatchObject([
          { pid: victim.pid, attempt: 1 },
          { pid: process.pid, attempt: 1 },
        ]);
        expect(others).toEqual([]);
        expect(recoveries.note(diedAt, second?.startedAt ?? NaN)).toBeLessThan(RECOVERY);
      }
      expect(stage.journal.overlaps(stage.deaths)).toEqual([]);
    });
  });

  it('lose nothing that they have added when they are killed', async () => {
    await using stage = openStage();
    // One at a time: it must not begin what it has just added.
    const [client, victim] = await Promise.all([
      stage.client(),
      stage.spawn({ queue: { worker: { lease: LEASE, concurrency: 1 } } }),
    ]);
    const adder = await client.add('adder', { addAndDie: 'added' }, SHORT);
    await victim.exited;
    await stage.work();
    await until(() => stage.journal.completed('added').length === 1, 'what was added', 10_000);
    expect(await adder.result({ timeout: '10s' })).toBe(process.pid);
    expect(stage.journal.runs('added')).toHaveLength(1);
  });

  it('are replaced when they are killed while the end of a run is recorded, which then is recorded or not', async () => {
    await using stage = openStage();
    const delays = [0, 1, 2, 3].map(() => chance.below(6));
    const [client, ...victims] = await Promise.all([
      stage.client(),
      ...delays.map((delay) =>
        stage.spawn({ death: { at: 'settling', delay }, queue: { worker: { lease: LEASE, concurrency: 1 } } }),
      ),
    ]);
    const keys = delays.map((_, number) => `key-${number}`);
    const executions = await Promise.all(keys.map((key) => client.add(key, { ms: 300 }, SHORT)));
    await Promise.all(keys.map((key) => nthRun(stage, key, 1)));
    const survivor = await stage.work();
    await Promise.all(victims.map(({ exited }) => exited));

    const results = await Promise.all(executions.map((execution) => execution.result({ timeout: '10s' })));
    for (const [at, key] of keys.entries()) {
      const runs = stage.journal.runs(key);
      expect(runs.length).toBeLessThanOrEqual(2);
      // The last run is the recorded one: nothing was recorded, and run again.
      expect(runs.at(-1)?.pid).toBe(results[at]);
      const [first, second] = runs;
      const diedAt = stage.deaths.get(first?.pid ?? NaN) ?? NaN;
      if (second !== undefined) expect(recoveries.note(diedAt, second.startedAt)).toBeLessThan(RECOVERY);
      expect(await survivor.queue.get(key)).toMatchObject({ state: 'completed', attempt: 1 });
    }
    expect(stage.journal.overlaps(stage.deaths)).toEqual([]);
  });

  it('leave nothing behind when they are killed after the end of a run was recorded', async () => {
    await using stage = openStage();
    const [client, victim] = await Promise.all([
      stage.client(),
      stage.spawn({ death: { at: 'settled' }, queue: { worker: { lease: LEASE, concurrency: 1 } } }),
    ]);
    const done = await client.add('done', { ms: 300 });
    await nthRun(stage, 'done', 1);
    // Claimed by the call that records the end of the other, and never begun.
    const claimed = await client.add('claimed', SHORT);
    await stage.work({ worker: { lease: LEASE, concurrency: 5 } });
    await victim.exited;

    expect(await done.result({ timeout: '5s' })).toBe(victim.pid);
    expect(await claimed.result({ timeout: '5s' })).toBe(process.pid);
    expect(stage.journal.runs('done')).toHaveLength(1);
    const [run] = stage.journal.runs('claimed');
    expect(recoveries.note(stage.deaths.get(victim.pid) ?? NaN, run?.startedAt ?? NaN)).toBeLessThan(RECOVERY);
    expect((await client.add('done', SHORT)).disposition).toBe('scheduled');
  });

  it('cannot record anything when they wake up after their lease', async () => {
    await using stage = openStage();
    const [client, zombie] = await Promise.all([stage.client(), stage.spawn()]);
    const gate = `${stage.journal.file}.gate`;
    // Its body is over when it wakes up; over as well, while the other run goes on; and far from over.
    const [over, early, running] = await Promise.all([
      client.add('over', { ms: 1_200 }, SHORT),
      client.add('early', { ms: 1_200 }, { until: gate }),
      client.add('running', LONG, { until: gate }),
    ]);
    await Promise.all(['over', 'early', 'running'].map((key) => nthRun(stage, key, 1)));
    const survivor = await stage.work();
    const stoppedAt = zombie.signal('SIGSTOP');
    expect(await over.result({ timeout: '10s' })).toBe(process.pid);
    for (const key of ['over', 'early', 'running']) {
      const { pid, startedAt } = await nthRun(stage, key, 2);
      expect(pid).toBe(process.pid);
      // Renewed not long before, the lease was waited for.
      expect(startedAt - stoppedAt).toBeGreaterThan(LEASE / 2);
      expect(recoveries.note(stoppedAt, startedAt)).toBeLessThan(RECOVERY);
    }
    await until(() => Date.now() - stoppedAt > 2 * LEASE, 'two leases');
    zombie.signal('SIGCONT');

    await until(() => zombie.matching('lost its lease').length === 3, 'the zombie to notice');
    expect(await zombie.call('counts')).toMatchObject({ leasesLost: 3, completed: 0, failed: 0, cancelled: 0 });
    expect(stage.journal.runs('running')[0]).toMatchObject({ aborted: 'TaskCancelledError: LeaseLostError' });
    expect(survivor.queue.counts).toMatchObject({ recovered: 3, completed: 1 });
    expect((await running.refresh()).state).toBe('running');
    writeFileSync(gate, '');
    expect(await early.result({ timeout: '5s' })).toBe(process.pid);
    expect(await running.result({ timeout: '5s' })).toBe(process.pid);
    expect(await over.result()).toBe(process.pid);
    expect(stage.journal.runs()).toHaveLength(6);

    // And it is good for more.
    await survivor.app.context.close();
    expect(await (await client.add('more', SHORT)).result({ timeout: '5s' })).toBe(zombie.pid);
  });

  it('lose their lease when a task blocks the event loop, and record nothing of that run', async () => {
    await using stage = openStage();
    const [client, blocked] = await Promise.all([stage.client(), stage.spawn()]);
    const block = 2.5 * LEASE;
    const bystander = await client.add('bystander', LONG, SHORT);
    await nthRun(stage, 'bystander', 1);
    // The other run still goes on when this one ends, so there is something to overwrite.
    const gate = `${stage.journal.file}.gate`;
    const execution = await client.add('block', { block }, { until: gate });
    const { startedAt } = await nthRun(stage, 'block', 1);
    const survivor = await stage.work();
    expect(await bystander.result({ timeout: '10s' })).toBe(process.pid);
    await until(() => blocked.matching('(block) lost its lease').length === 1, 'the blocked worker to notice');
    expect(await blocked.call('counts')).toMatchObject({ completed: 0 });
    expect((await execution.refresh()).state).toBe('running');
    writeFileSync(gate, '');
    expect(await execution.result({ timeout: '10s' })).toBe(process.pid);
    expect(survivor.queue.counts.completed).toBe(2);
    expect(survivor.app.logs.matching('stopped renewing').length).toBeGreaterThan(0);
    const [, second, ...others] = stage.journal.runs('block');
    expect(others).toEqual([]);
    expect(second?.startedAt).toBeGreaterThan(startedAt + LEASE / 2);
    expect(recoveries.note(startedAt, second?.startedAt ?? NaN)).toBeLessThan(RECOVERY);
    // The block explains each of them.
    for (const [before] of stage.journal.overlaps(stage.deaths)) expect(before.pid).toBe(blocked.pid);
  });

  it('are replaced when a task exits the process, or leaves an unhandled rejection', async () => {
    await using stage = openStage();
    const [client, ...victims] = await Promise.all([stage.client(), stage.spawn(), stage.spawn()]);
    const executions = [];
    for (const die of ['by process.exit()', 'by an unhandled rejection'] as const) {
      executions.push(await client.add(die, { die }, SHORT));
      await nthRun(stage, die, 1);
    }
    for (const { exited } of victims) expect(await exited).toEqual([1, null]);
    await stage.work();
    for (const execution of executions) {
      expect(await execution.result({ timeout: '10s' })).toBe(process.pid);
      expect(stage.journal.runs(execution.key)).toHaveLength(2);
    }
  });

  it('are not taken along by a poison task for ever', async () => {
    await using stage = openStage();
    const client = await stage.client();
    const over = new AbortController();
    const respawn = async (): Promise<void> => {
      while (!over.signal.aborted) await (await stage.spawn()).exited;
    };
    const respawning = respawn();
    const poison = await client.add('poison', { die: 'by SIGKILL' });
    const others = [];
    for (let deaths = 1; deaths <= 5; deaths += 1) {
      await nthRun(stage, 'poison', deaths);
      others.push(await client.add(`other-${deaths}`, SHORT));
    }
    const failure = await poison.result({ timeout: '10s' }).catch((error: unknown) => error);
    over.abort();

    expect(failure).toMatchObject({ name: TaskCrashedError.name, code: 'TASK_CRASHED' });
    expect(stage.journal.runs('poison')).toHaveLength(5);
    expect(await client.queue.get('poison')).toMatchObject({ state: 'failed', attempt: 1 });
    await Promise.all(others.map((other) => other.result({ timeout: '10s' })));
    expect(stage.journal.overlaps(stage.deaths)).toEqual([]);
    await stage[Symbol.asyncDispose]();
    await respawning;
  });

  it('hand unshielded executions back on SIGTERM, and finish shielded ones under renewed leases', async () => {
    await using stage = openStage();
    const [client, leaving] = await Promise.all([stage.client(), stage.spawn({ shutdown: { gracePeriod: '200ms' } })]);
    const shielded = await client.queue.add('shielded', { key: 'shielded' })({ ms: 3 * LEASE });
    const unshielded = await client.add('unshielded', LONG, SHORT);
    await Promise.all(['shielded', 'unshielded'].map((key) => nthRun(stage, key, 1)));
    const staying = await stage.work();
    const toldAt = leaving.signal('SIGTERM');

    expect(await unshielded.result({ timeout: '5s' })).toBe(process.pid);
    const [first, second] = stage.journal.runs('unshielded');
    expect(first).toMatchObject({ pid: leaving.pid, aborted: 'TaskCancelledError: shutdown' });
    expect(second).toMatchObject({ pid: process.pid, attempt: 1 });
    // Handed over, not left to its lease.
    expect(recoveries.note(toldAt, second?.startedAt ?? NaN)).toBeLessThan(LEASE);
    expect(await shielded.result({ timeout: '10s' })).toBe(leaving.pid);
    expect(await leaving.exited).toEqual([0, null]);
    expect(stage.journal.runs()).toHaveLength(3);
    expect(stage.journal.overlaps(stage.deaths)).toEqual([]);
    expect(staying.queue.counts.recovered).toBe(0);
    expect((await client.queue.workers()).map(({ pid }) => pid)).toEqual([process.pid]);
  });

  it('may all boot at once on a database that knows nothing of them', async () => {
    const fresh = new BrokerSpace(kind);
    const { url, ...own } = fresh.options(fresh.newQueue());
    // PostgreSQL has a hundred connections for all tests that run, and pools are as large as they may be.
    const connection = kind.label === 'postgres' ? { connectionString: url, max: 1 } : { url };
    // So busy a machine may not find the time for a renewal in a short lease.
    const options = { ...own, connection, worker: { lease: '10s' } };
    {
      await using stage = new Stage(programs, options);
      const fleet = await Promise.all(Array.from({ length: 10 }, () => stage.spawn({ queue: options })));
      const gate = `${stage.journal.file}.gate`;
      const dispositions = await Promise.all(
        fleet.map(async (worker, number) => {
          await worker.call('add', `own-${number}`, SHORT);
          return worker.call('add', 'same', { until: gate });
        }),
      );
      expect(dispositions.filter((disposition) => disposition === 'scheduled')).toHaveLength(1);
      writeFileSync(gate, '');
      const keys = ['same', ...fleet.map((_, number) => `own-${number}`)];
      await until(() => keys.every((key) => stage.journal.completed(key).length > 0), 'all executions');
      // Whoever ends in peace has nothing left to run.
      await Promise.all(fleet.map(endInPeace));
      expect(
        stage.journal
          .runs()
          .map(({ key }) => key)
          .toSorted(),
      ).toEqual(keys.toSorted());
    }
    await fresh.remove();
  });
});

async function endInPeace(worker: WorkerProcess): Promise<void> {
  worker.signal('SIGTERM');
  expect(await worker.exited).toEqual([0, null]);
}
