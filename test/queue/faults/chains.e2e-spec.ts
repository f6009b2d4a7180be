import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Perpetual, TaskQueue, TasksModule } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { BROKER, type Broker } from '../../../lib/queue/broker/broker.js';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { LogLines } from '../../support/log-lines.js';
import { until } from '../../support/until.js';
import { Chance } from './chance.js';
import type { Step } from './fault-tasks.js';
import { Programs, type WorkerProcess } from './fleet.js';
import { Proxy } from './proxy.js';
import { Recoveries } from './recoveries.js';
import type { Run } from './run-journal.js';
import { LEASE, RECOVERY, Stage, type Actor } from './stage.js';
import { EVERY, type TaskSet } from './task-sets.js';

jest.setTimeout(60_000);

/** What a busy machine adds, in milliseconds. */
const SLACK = 1_000;

const chance = new Chance();
const recoveries = new Recoveries();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`chains: seed ${chance.seed}, ${recoveries}\n`);
});

function startTick({ queue }: Actor, step: number | Step): Promise<unknown> {
  return queue.add('tick', { key: 'tick', remote: true })(typeof step === 'number' ? { ms: step } : step);
}

/** That many runs have come to their end since the first ones. */
async function goesOn({ journal }: Stage, key: string, runs: number): Promise<void> {
  const before = journal.completed(key).length;
  await until(() => journal.completed(key).length >= before + runs, `${runs} more runs of ${key}`);
}

/** What is wrong with a chain. Whatever has happened, its starts follow each other without a gap, and it is one. */
async function flawsOf(stage: Stage, { queue }: Actor, key: string): Promise<unknown[]> {
  const runs = stage.journal.runs(key);
  const flaws: unknown[] = stage.journal.overlaps(stage.deaths).map((pair) => ({ overlap: pair }));
  for (const [at, run] of runs.slice(1).entries()) {
    const before = runs[at] as Run;
    const gap = run.startedAt - before.startedAt;
    if (gap > EVERY + RECOVERY) flaws.push({ gap, before, run });
    // One that was late by less than half an interval is followed in time. What is closer, a second chain has added.
    if (before.endedAt !== undefined && gap < EVERY / 2 - 20) flaws.push({ twice: gap, before, run });
  }
  // A snapshot that is taken while the next run is scheduled may show neither.
  const executions = await until(async () => {
    const snapshot = await queue.snapshot();
    return snapshot.executions.length > 0 && snapshot.executions;
  }, 'the chain in a snapshot');
  if (executions.length !== 1 || executions[0]?.key !== key) flaws.push({ executions });
  return flaws;
}

describe.each(SHARED_BROKERS)('perpetual tasks on $label', (kind) => {
  const space = brokerSpace(kind);
  const openStage = (...tasks: TaskSet[]): Stage => new Stage(programs, space.options(space.newQueue()), tasks);

  describe('a chain', () => {
    it('goes on when its worker is killed in its body, three times', async () => {
      await using stage = openStage('chain');
      const fleet: WorkerProcess[] = await Promise.all(Array.from({ length: 4 }, () => stage.spawn()));
      const client = await stage.client();
      await startTick(client, 200);
      for (let kills = 1; kills <= 3; kills += 1) {
        const { pid } = await until(() => stage.journal.runs('tick').find(isRunning(stage)), 'a run');
        const killedAt = fleet.find((worker) => worker.pid === pid)?.signal('SIGKILL') ?? NaN;
        const next = await until(() => stage.journal.runs('tick').find(isRunning(stage)), 'the next run');
        expect(recoveries.note(killedAt, next.startedAt)).toBeLessThan(RECOVERY);
      }
      await goesOn(stage, 'tick', 2);
      expect(await flawsOf(stage, client, 'tick')).toEqual([]);
      const killed = stage.journal.runs('tick').filter(({ endedAt }) => endedAt === undefined);
      expect(killed.map(({ pid }) => stage.deaths.has(pid)).filter(Boolean)).toHaveLength(3);
    });

    it('goes on when its workers are killed between its body and its re-schedule, in that, and after it', async () => {
      await using stage = openStage('chain');
      const places = ['before settling', 'settling', 'settled'] as const;
      const client = await stage.client();
      const victims = await Promise.all(
        places.map((at) => stage.spawn({ death: { at, ...(at === 'settling' && { delay: chance.below(4) }) } })),
      );
      await startTick(client, 100);
      await until(() => stage.journal.completed('tick').length === 3, 'the last victim');
      await stage.work();
      await Promise.all(victims.map(({ exited }) => exited));
      await goesOn(stage, 'tick', 2);
      expect(await flawsOf(stage, client, 'tick')).toEqual([]);
    });

    it.each([
      ['is not heard', false],
      ['is not answered', true],
    ])('goes on when its re-schedule %s', async (_what, isSent) => {
      await using proxy = await new Proxy(kind.url).open();
      await using stage = openStage('chain');
      const [client, worker] = await Promise.all([stage.client(), stage.work({ url: proxy.url })]);
      const settled = cutInSettle(worker, proxy, isSent ? chance.below(4) : undefined);
      await startTick(client, 100);
      await settled;
      await sleep(LEASE / 3);
      await proxy.open();
      await goesOn(stage, 'tick', 2);
      expect(await flawsOf(stage, client, 'tick')).toEqual([]);
    });

    it('goes on elsewhere when its re-schedule is not heard for longer than its lease', async () => {
      await using proxy = await new Proxy(kind.url).open();
      await using stage = openStage('chain');
      const [client, worker] = await Promise.all([stage.client(), stage.work({ url: proxy.url })]);
      const settled = cutInSettle(worker, proxy);
      await startTick(client, 100);
      await settled;
      await stage.work();
      await until(() => stage.journal.completed('tick').length === 3, 'the other worker');
      await proxy.open();
      await until(() => worker.queue.counts.leasesLost === 1, 'the first worker to notice');
      await goesOn(stage, 'tick', 2);
      expect(await flawsOf(stage, client, 'tick')).toEqual([]);
    });

    it('follows a replacement from outside that came in a run', async () => {
      await using stage = openStage('chain');
      const [client] = await Promise.all([stage.client(), stage.work()]);
      const gate = `${stage.journal.file}.gate`;
      await startTick(client, { until: gate });
      await until(() => stage.journal.runs('tick')[0], 'a run');
      const when = Date.now() + 3 * EVERY;
      await client.queue.replace('tick', { key: 'tick', when: new Date(when) })({ ms: 0 });
      writeFileSync(gate, '');
      const next = await until(() => stage.journal.runs('tick')[1], 'the replacement');
      expect(next.startedAt).toBeGreaterThanOrEqual(when);
      expect(next.startedAt).toBeLessThan(when + SLACK);
      await goesOn(stage, 'tick', 2);
      expect(await flawsOf(stage, client, 'tick')).toEqual([]);
    });
  });

  describe('while two deploys run side by side', () => {
    it('chains go on in the one that knows them, and end with it only if they are automatic', async () => {
      await using stage = openStage();
      const known: TaskSet[] = ['chain', 'automatic'];
      const [client, newer] = await Promise.all([
        stage.client(),
        stage.spawn({ tasks: known }),
        stage.spawn(),
        stage.work(),
      ]);
      await startTick(client, 20);
      for (const key of ['tick', 'auto']) await until(() => stage.journal.runs(key).length > 3, `runs of ${key}`);
      for (const key of ['tick', 'auto']) {
        const starts = stage.journal.runs(key).map(({ startedAt }) => startedAt);
        for (const [at, start] of starts.slice(1).entries()) {
          expect(start - (starts[at] ?? NaN)).toBeLessThan(EVERY + 2 * LEASE + SLACK);
        }
      }
      expect(stage.journal.overlaps(stage.deaths)).toEqual([]);

      const goneAt = newer.signal('SIGKILL');
      const stateOf = async (key: string): Promise<string | undefined> => (await client.queue.get(key))?.state;
      await until(async () => (await stateOf('auto')) === 'dropped', 'the automatic one to be dropped');
      // Twice two: until its worker counts as gone, and until it counts as forgotten.
      expect(recoveries.note(goneAt, Date.now())).toBeLessThan(5 * LEASE + SLACK);
      expect(['scheduled', 'queued', 'running']).toContain(await stateOf('tick'));
      await stage.spawn({ tasks: known });
      for (const key of ['tick', 'auto']) await goesOn(stage, key, 1);
    });
  });

  describe('an automatic chain', () => {
    it('is begun once by many that boot at once', async () => {
      await using stage = openStage('automatic');
      // PostgreSQL has a hundred connections for all tests that run.
      const many = kind.label === 'postgres' ? 4 : 10;
      const options = { worker: { lease: LEASE, concurrency: 1 } };
      const [client] = await Promise.all([stage.client(), ...Array.from({ length: many }, () => stage.work(options))]);
      await goesOn(stage, 'auto', 3);
      expect(await flawsOf(stage, client, 'auto')).toEqual([]);
    });

    it('begins soon after it was restored, though nobody was told', async () => {
      await using proxy = await new Proxy(kind.url).open();
      await using stage = openStage('automatic');
      const client = await stage.client();
      await client.queue.strike('auto');
      await stage.work({ url: proxy.url });
      await until(() => stage.matching('is not started').length > 0, 'the worker to look');
      expect(await client.queue.get('auto')).toBeUndefined();
      proxy.hush();
      await client.queue.restore('auto');
      const restoredAt = Date.now();
      const { startedAt } = await until(() => stage.journal.runs('auto')[0], 'its first run');
      expect(recoveries.note(restoredAt, startedAt)).toBeLessThan(5_000);
    });

    it('that was cancelled begins again with the next that boots', async () => {
      await using stage = openStage('automatic');
      const [client] = await Promise.all([stage.client(), stage.work()]);
      await goesOn(stage, 'auto', 1);
      await client.queue.cancel('auto');
      await until(async () => (await client.queue.get('auto'))?.state === 'cancelled', 'its end');
      expect((await client.queue.snapshot()).total).toBe(0);
      await stage.work();
      await goesOn(stage, 'auto', 2);
      expect((await client.queue.snapshot()).total).toBe(1);
    });
  });
});

describe('on the virtual clock', () => {
  it('an automatic chain that was cancelled begins again within a minute', async () => {
    let runs = 0;
    @Injectable()
    class Automatic {
      @Perpetual({ every: '10s', automatic: true })
      tick(): void {
        runs += 1;
      }
    }
    const builder = Test.createTestingModule({ imports: [TasksModule.forRoot()], providers: [Automatic] });
    const test = TestQueue.install(builder, { automatic: true });
    const app = await builder.setLogger(new LogLines()).compile();
    await app.init();
    await test.advance('25s');
    expect(runs).toBe(3);
    expect(await app.get(TaskQueue).cancel('Automatic.tick')).toBe('cancelled');
    await test.advance('60s');
    expect(runs).toBeGreaterThan(3);
    await app.close();
  });
});

function isRunning({ deaths }: Stage): (run: Run) => boolean {
  return ({ endedAt, pid }) => endedAt === undefined && !deaths.has(pid);
}

/** Lets the first re-schedule of a worker run into a cut: before it is sent, or so many milliseconds after that. */
function cutInSettle({ app }: Actor, proxy: Proxy, delay?: number): Promise<void> {
  const broker = app.context.get<Broker>(BROKER);
  const { settle } = broker.runs;
  return new Promise((resolve) => {
    broker.runs.settle = async (...args) => {
      broker.runs.settle = settle;
      const cut = (): void => {
        proxy.cut();
        resolve();
      };
      if (delay === undefined) cut();
      else setTimeout(cut, delay);
      return settle.apply(broker.runs, args);
    };
  });
}
