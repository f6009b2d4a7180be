import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { PerpetualOptions } from 'nestjs-tasks';
import { VirtualClock } from '../../../lib/testing/virtual-clock.js';
import { AutomaticTasks } from '../../../lib/queue/rules/automatic-tasks.js';
import { ChainSchedules } from '../../../lib/queue/rules/chain-schedules.js';
import { PerpetualPolicy } from '../../../lib/queue/declaration/perpetual-policy.js';
import { RunPerpetual } from '../../../lib/queue/worker/run-perpetual.js';
import type { Claim } from '../../../lib/queue/broker/broker.js';
import { Workers, type WorkerRecord } from '../../../lib/queue/client/workers.js';
import { MemoryBroker } from '../../../lib/queue/broker/memory/memory-broker.js';
import { Retention } from '../../../lib/queue/broker/retention.js';
import type { DurableTask } from '../../../lib/queue/declaration/durable-registry.js';
import type { ExecutionRun } from '../../../lib/queue/worker/execution-run.js';
import { QueueLog } from '../../../lib/queue/log/queue-log.js';
import { TaskLog } from '../../../lib/scheduler/task-log.js';
import { LogLines } from '../../support/log-lines.js';
import { Chance } from '../faults/chance.js';
import type { ExecutionRecord } from '../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../lib/queue/broker/settlement.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LEASE = 15 * SECOND;
const START = new Date('2026-05-01T00:10:00Z');
const KEY = 'beat';

const at = (text: string): number => new Date(text).getTime();

/** A fleet on one broker, whose clock only the test moves. */
class Fleet {
  readonly clock = new VirtualClock(START);
  readonly broker = new MemoryBroker({
    clock: this.clock,
    lease: LEASE,
    retention: new Retention({ completed: HOUR, failed: HOUR, cancelled: HOUR, dropped: HOUR }),
    workerId: 'any',
  });
  readonly workers = new Workers(this.broker, this.clock, { lease: LEASE }, new QueueLog(new TaskLog()));
  readonly logs = new LogLines();
  private number = 0;

  /** A worker starts, of a version that declares the schedule. */
  async start(options: PerpetualOptions): Promise<FleetWorker> {
    const worker = new FleetWorker(this, `w${(this.number += 1)}`, options);
    await this.announce(worker.id);
    await worker.automatic.prepare();
    await this.clock.advance(0);
    return worker;
  }

  announce(id: string): Promise<void> {
    const times = { startedAt: this.clock.now(), seenAt: this.clock.now() + 10 * HOUR };
    const worker: WorkerRecord = { id, host: 'any', pid: 1, concurrency: 1, running: 0, tasks: [], ...times };
    return this.workers.announce(worker);
  }

  async chain(): Promise<ExecutionRecord> {
    return (await this.broker.executions.get(KEY)) as ExecutionRecord;
  }

  /** What is in force, and when the next run comes, in minutes since the start. */
  async state(): Promise<[schedule: string | undefined, minutes: number]> {
    const { when, extras } = await this.chain();
    return [extras?.schedule?.text, (when - START.getTime()) / MINUTE];
  }
}

class FleetWorker {
  readonly automatic: AutomaticTasks;
  private readonly schedules: ChainSchedules;
  private readonly policy: PerpetualPolicy;
  private readonly task: DurableTask;
  private startedAt = NaN;

  constructor(
    private readonly fleet: Fleet,
    readonly id: string,
    options: PerpetualOptions,
  ) {
    const { broker, clock } = fleet;
    this.policy = PerpetualPolicy.of({ automatic: true, ...options }, 'beat');
    this.task = { name: KEY, perpetual: this.policy } as DurableTask;
    const log = new QueueLog(new TaskLog());
    this.schedules = new ChainSchedules(broker, clock, id, fleet.workers, log);
    const strikes = { load: () => Promise.resolve(), find: () => undefined, changes$: new Subject() };
    const registry = { tasks: [this.task] };
    this.automatic = new AutomaticTasks(broker, clock, registry as never, strikes as never, this.schedules, log);
  }

  async claim(): Promise<Claim> {
    this.startedAt = this.fleet.clock.now();
    return (await this.fleet.broker.runs.claim()) as Claim;
  }

  /** Takes the chain through a run. @param act what the run says of the next one. */
  async run(act: (perpetual: RunPerpetual) => void = () => {}): Promise<void> {
    await this.end(await this.claim(), act);
  }

  async end(claim: Claim, act: (perpetual: RunPerpetual) => void = () => {}): Promise<void> {
    const { clock, broker } = this.fleet;
    const { record } = claim;
    const rule = this.schedules.ruleOf(this.task, this.policy, record);
    const times = { dueAt: record.since, startedAt: this.startedAt };
    const perpetual = new RunPerpetual(rule, KEY, record.args, times, clock, 1_000);
    act(perpetual);
    const { next } = perpetual;
    const settlement: Settlement = next ? { type: 'reschedule', ...next } : { type: 'complete', result: '[null]' };
    await broker.runs.settle(claim, settlement, false);
    this.schedules.ended({ name: KEY, perpetual } as ExecutionRun, settlement);
  }

  async leave(): Promise<void> {
    this.automatic.close();
    await this.fleet.workers.leave(this.id);
  }
}

describe('the schedule of an automatic chain', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = new Fleet();
    Logger.overrideLogger(fleet.logs);
  });

  const changes = (): string[] => fleet.logs.matching('by a new schedule');

  it('is that of the worker that has begun it', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    expect(await fleet.state()).toEqual(['every 3600000', 60]);
    expect((await fleet.chain()).extras).toMatchObject({ isAutomatic: true, schedule: { by: 'w1' } });
  });

  it('changes nothing by a restart, however many of them', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    const before = await fleet.chain();
    for (let deploy = 0; deploy < 5; deploy += 1) {
      await fleet.clock.advance('7m');
      await fleet.start({ every: '60m' });
    }
    expect(await fleet.chain()).toEqual(before);
    expect(changes()).toEqual([]);
  });

  it.each<[PerpetualOptions, PerpetualOptions, minutes: number]>([
    [{ every: '1h' }, { every: '2h' }, 120],
    [{ every: '1h' }, { every: '30m' }, 30],
    [{ every: '1h' }, { every: '1s' }, 20], // at once
    [{ every: '1h' }, { cron: '0 3 * * *', tz: 'UTC' }, 170],
    [{ cron: '0 0 1 1 *', tz: 'UTC' }, { cron: '45 * * * *', tz: 'UTC' }, 35],
    [{ cron: '0 3 * * *', tz: 'UTC' }, { cron: '0 3 * * *', tz: 'Asia/Kathmandu' }, 21 * 60 + 5],
    [{ cron: '0 3 * * *', tz: 'UTC' }, { every: '1h' }, 20],
  ])('%p becomes %p with the first worker that knows it', async (former, next, minutes) => {
    const one = await fleet.start(former);
    if (former.every !== undefined) await one.run();
    const { id, when } = await fleet.chain();
    await fleet.clock.advance('20m');
    await fleet.start(next);
    expect((await fleet.state())[1]).toBe(minutes);
    expect((await fleet.chain()).id).toBe(id);
    const [from, to] = [when, START.getTime() + minutes * MINUTE].map((time) => new Date(time).toISOString());
    const { schedule } = PerpetualPolicy.of(next, 'beat');
    expect(changes()).toEqual([
      `log Perpetual task beat runs next at ${to} instead of ${from}, by a new schedule: ${schedule} Tasks`,
    ]);
  });

  it('counts an interval from the last run of a cron expression', async () => {
    const one = await fleet.start({ cron: '0 * * * *', tz: 'UTC' });
    await fleet.clock.advance('50m');
    await one.run(); // at 01:00; the next is at 02:00
    await fleet.clock.advance('10m');
    await fleet.start({ every: '30m' });
    expect(await fleet.state()).toEqual(['every 1800000', 80]);
  });

  it('goes back and forth with the last worker that has started, without drift, and all workers go by it', async () => {
    const old = await fleet.start({ every: '1h' });
    await old.run();
    for (let deploy = 0; deploy < 3; deploy += 1) {
      await fleet.start({ every: '2h' });
      expect(await fleet.state()).toEqual(['every 7200000', 120]);
      await fleet.start({ every: '1h' });
      expect(await fleet.state()).toEqual(['every 3600000', 60]);
    }
    await fleet.start({ every: '2h' });
    await fleet.clock.advance('2h');
    await old.run();
    expect(await fleet.state()).toEqual(['every 7200000', 240]);
    await fleet.clock.advance('1h'); // many looks of them all
    expect(await fleet.state()).toEqual(['every 7200000', 240]);
    expect(changes()).toHaveLength(7);
  });

  it('is changed once by many that start at the same time', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    await Promise.all([1, 2, 3, 4].map(() => fleet.start({ every: '2h' })));
    expect(await fleet.state()).toEqual(['every 7200000', 120]);
    expect(changes()).toHaveLength(1);
  });

  describe('while the chain runs', () => {
    it('leaves the run alone, and has the next one, whoever ends the run', async () => {
      const old = await fleet.start({ every: '1h' });
      const claim = await old.claim();
      await fleet.start({ every: '2h' });
      await fleet.clock.advance(LEASE / 3);
      expect(await fleet.chain()).toEqual(claim.record);
      await old.end(claim);
      expect(await fleet.state()).toEqual(['every 3600000', 60]);
      await fleet.clock.advance('10s');
      expect(await fleet.state()).toEqual(['every 7200000', 120]);
      expect(changes()).toHaveLength(1);
    });

    it('has the next one at once where the new worker ends it, though the old one is always due', async () => {
      const old = await fleet.start({ every: '1s' });
      await old.run();
      await fleet.clock.advance('10s');
      const claim = await old.claim();
      const next = await fleet.start({ every: '1h' });
      await fleet.clock.advance('5s');
      await old.end(claim); // and it is due again
      await next.run();
      expect(await fleet.state()).toEqual(['every 3600000', 60 + 1 / 4]);
      expect(changes()).toHaveLength(1);
      await fleet.clock.advance('1m');
      expect(changes()).toHaveLength(1);
    });

    it('waits for the attempts of a run', async () => {
      const old = await fleet.start({ every: '1h' });
      const claim = await old.claim();
      const error = { name: 'Error', message: 'bad' };
      await fleet.broker.runs.settle(claim, { type: 'retry', at: fleet.clock.now() + MINUTE, error }, false);
      await fleet.start({ every: '2h' });
      await fleet.clock.advance('30s');
      expect((await fleet.chain()).state).toBe('retrying');
      expect(await fleet.state()).toEqual(['every 3600000', 1]);
    });
  });

  it('goes by the version that stays when the last one that has started is gone', async () => {
    const old = await fleet.start({ every: '1h' });
    await old.run();
    const canary = await fleet.start({ cron: '0 0 1 1 *', tz: 'UTC' });
    expect((await fleet.state())[0]).toBe('cron 0 0 1 1 * UTC');
    await fleet.clock.advance('5m');
    expect((await fleet.state())[0]).toBe('cron 0 0 1 1 * UTC');
    await canary.leave();
    await fleet.clock.advance('1m');
    expect((await fleet.state())[0]).toBe('cron 0 0 1 1 * UTC'); // it may come back
    await fleet.clock.advance('1m');
    expect((await fleet.state())[0]).toBe('every 3600000');
    expect(changes()).toHaveLength(2);
  });

  it('stays that of the last version that has started when its workers take turns', async () => {
    const old = await fleet.start({ every: '1h' });
    await old.run();
    let worker = await fleet.start({ every: '2h' });
    for (let restart = 0; restart < 5; restart += 1) {
      const next = await fleet.start({ every: '2h' });
      await worker.leave();
      worker = next;
      await fleet.clock.advance('3m');
      expect(await fleet.state()).toEqual(['every 7200000', 120]);
    }
    expect(changes()).toHaveLength(1);
    await worker.leave();
    await fleet.clock.advance('2m');
    expect(await fleet.state()).toEqual(['every 3600000', 60]);
  });

  it('keeps the arguments that the chain carries', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run((perpetual) => perpetual.perpetuate('carried'));
    await fleet.start({ every: '2h' });
    expect(await fleet.chain()).toMatchObject({ args: '["carried"]', run: 2 });
    expect(await fleet.state()).toEqual(['every 7200000', 120]);
  });

  it('leaves a time that a run has chosen, and has the run after that', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run((perpetual) => perpetual.after('10m'));
    expect(await fleet.state()).toEqual(['every 3600000', 10]);
    await fleet.start({ every: '2h' });
    expect(await fleet.state()).toEqual(['every 7200000', 10]);
    expect(changes().join()).toContain('runs next at 2026-05-01T00:20:00.000Z, as its last run chose');
    await fleet.clock.advance('10m');
    await one.run();
    expect(await fleet.state()).toEqual(['every 7200000', 130]);
  });

  it('leaves what somebody has put in the place of the chain, and has the run after that', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    const when = fleet.clock.now() + 5 * MINUTE;
    await fleet.broker.executions.replace({ key: KEY, name: KEY, args: '["mine"]', priority: 0, when });
    const two = await fleet.start({ every: '2h' });
    await fleet.clock.advance('5m');
    await two.run();
    expect(await fleet.state()).toEqual(['every 7200000', 125]);
    expect((await fleet.chain()).args).toBe('["mine"]');
  });

  it('is that of the automatic version again, after a version that was not', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    await one.leave();
    const manual = await fleet.start({ cron: '0 0 1 1 *', tz: 'UTC', automatic: false });
    expect(await fleet.state()).toEqual(['every 3600000', 60]);
    await fleet.clock.advance('1h');
    await manual.run();
    expect((await fleet.state())[0]).toBe('cron 0 0 1 1 * UTC');
    await fleet.start({ every: '1h' });
    expect(await fleet.state()).toEqual(['every 3600000', 60]); // counted from the last time of the other, long ago
  });

  it('ends a chain that has no time left by it', async () => {
    await fleet.start({ cron: '0 0 1 1 *', tz: 'UTC' });
    await fleet.start({ cron: '0 0 0 1 1 * 2020', tz: 'UTC' });
    expect(await fleet.chain()).toMatchObject({
      state: 'cancelled',
      reason: 'no time is left in the schedule: cron 0 0 0 1 1 * 2020 UTC',
    });
    await fleet.clock.advance('20s');
    expect(await fleet.broker.executions.size()).toBe(0);
  });

  it('completes the run after which it has no time', async () => {
    const one = await fleet.start({ cron: '0 0 0 1 6 * 2026', tz: 'UTC' });
    await fleet.clock.advance(new Date('2026-06-01T00:00:00Z'));
    await one.run();
    expect(await fleet.chain()).toMatchObject({ state: 'completed', when: at('2026-06-01T00:00:00Z') });
    await fleet.clock.advance('10m');
    expect(await fleet.broker.executions.size()).toBe(0);
    expect(fleet.logs.matching('is not started')).toEqual([
      'log Automatic perpetual task beat is not started: no time is left in cron 0 0 0 1 6 * 2026 UTC Tasks',
    ]);
  });

  it('is of this version where that of the chain cannot be read', async () => {
    const one = await fleet.start({ every: '1h' });
    await one.run();
    const schedule = { text: 'by the moon', by: 'w9' };
    await fleet.announce('w9');
    await fleet.broker.executions.retime(await fleet.chain(), fleet.clock.now() + MINUTE, schedule);
    await fleet.clock.advance('1m');
    await one.run();
    expect(await fleet.state()).toEqual(['every 3600000', 61]);
  });

  it('is that of the version that stays, and the chain is one, whatever starts, leaves, runs and dies in between', async () => {
    const chance = new Chance();
    const anyOf = <T>(items: readonly T[]): T => items[chance.below(items.length)] as T;
    const versions: PerpetualOptions[] = [
      { every: '1h' },
      { every: '90s' },
      { every: '20s' },
      { cron: '*/5 * * * *', tz: 'UTC' },
      { cron: '0 0 1 1 *', tz: 'UTC' },
    ];
    try {
      const workers: { readonly worker: FleetWorker; readonly version: PerpetualOptions }[] = [];
      const start = async (version: PerpetualOptions): Promise<void> =>
        void workers.push({ worker: await fleet.start(version), version });
      await start(anyOf(versions));
      for (let step = 0; step < 300; step += 1) {
        if (workers.length < 6 && chance.below(3) === 0) await start(anyOf(versions));
        if (workers.length > 1 && chance.below(3) === 0) {
          await workers.splice(chance.below(workers.length), 1)[0]?.worker.leave();
        }
        await fleet.broker.runs.recover();
        const { worker } = anyOf(workers);
        const claim = await worker.claim();
        if (claim !== undefined) {
          await fleet.clock.advance(chance.below(2 * LEASE));
          const hasDied = (await fleet.broker.runs.renew([claim])).lost.length > 0;
          if (!hasDied) await worker.end(claim, (perpetual) => perpetual.perpetuate(step));
        }
        await fleet.clock.advance(chance.below(2 * MINUTE));
        expect([await fleet.broker.executions.size(), (await fleet.chain()).extras?.isAutomatic]).toEqual([1, true]);
      }
      const last = anyOf(workers);
      for (const { worker } of workers) if (worker !== last.worker) await worker.leave();
      for (let look = 0; look < 18; look += 1) {
        await fleet.broker.runs.recover();
        const claim = await last.worker.claim();
        await fleet.clock.advance('10s');
        if (claim !== undefined) await last.worker.end(claim);
      }
      expect((await fleet.state())[0]).toBe(PerpetualPolicy.of(last.version, 'beat').schedule);
    } catch (error) {
      process.stderr.write(`chain-schedules: seed ${chance.seed}\n`);
      throw error;
    }
  });

  describe('when a cut chain is healed and the clock has gone back', () => {
    const cron = { cron: '0 * * * *', tz: 'UTC' };
    /** The same fleet, with the clock of whoever heals. */
    async function healAt(text: string): Promise<number> {
      const { broker } = fleet;
      const clock = new VirtualClock(new Date(text));
      const log = new QueueLog(new TaskLog());
      const policy = PerpetualPolicy.of({ ...cron, automatic: true }, 'beat');
      const strikes = { load: () => Promise.resolve(), find: () => undefined, changes$: new Subject() };
      const schedules = new ChainSchedules(broker, clock, 'w9', fleet.workers, log);
      const registry = { tasks: [{ name: KEY, perpetual: policy }] };
      await new AutomaticTasks(broker, clock, registry as never, strikes as never, schedules, log).seed();
      return (await fleet.chain()).when;
    }

    it('does not repeat the time that has run', async () => {
      const one = await fleet.start(cron);
      await fleet.clock.advance('50m');
      await one.run((perpetual) => perpetual.cancel());
      await one.leave();
      expect(await healAt('2026-05-01T00:59:58Z')).toBe(at('2026-05-01T02:00:00Z'));
    });

    it('does not leave out the time that it was cut before', async () => {
      const one = await fleet.start(cron);
      await fleet.clock.advance('50m');
      await one.run();
      await one.leave();
      await fleet.broker.executions.cancel(KEY, 'cut');
      expect(await healAt('2026-05-01T00:59:58Z')).toBe(at('2026-05-01T02:00:00Z'));
      await fleet.broker.executions.cancel(KEY, 'cut');
      expect(await healAt('2026-05-01T01:30:00Z')).toBe(at('2026-05-01T02:00:00Z'));
    });
  });
});
