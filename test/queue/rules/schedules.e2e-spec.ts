import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { Durable, Perpetual, TaskContext, type PerpetualOptions } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue, type QueueContext } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
const KEY = 'b.beat';

interface Beat {
  readonly runs: { readonly at: number; readonly args: readonly unknown[] }[];
  act: (context: TaskContext) => unknown;
}

/** A version of an application, by the schedule that its task declares. */
function versionOf(options: PerpetualOptions): Type<Beat> {
  @Injectable()
  class Version implements Beat {
    readonly runs: { readonly at: number; readonly args: readonly unknown[] }[] = [];
    act: (context: TaskContext) => unknown = () => {};

    constructor(private readonly context: TaskContext) {}

    @Perpetual({ automatic: true, ...options })
    @Durable(KEY)
    beat(...args: unknown[]): unknown {
      this.runs.push({ at: Date.now(), args });
      return this.act(this.context);
    }
  }
  return Version;
}

/** The first three fields of a cron expression. */
function clockOf(date: Date): string {
  return `${date.getUTCSeconds()} ${date.getUTCMinutes()} ${date.getUTCHours()}`;
}

type Worker = QueueContext & { beat: Beat };

describe.each(BROKERS)('schedules: $label', (kind) => {
  const space = brokerSpace(kind);
  const now = Date.now.bind(Date);

  afterEach(() => {
    Date.now = now;
  });

  it('have each time of a cron expression once, though the clock goes back during the run', async () => {
    const Version = versionOf({ cron: '*/2 * * * * *', tz: 'UTC' });
    await using test = await startQueue(space, { providers: [Version] });
    const beat = test.context.get(Version);
    const times: number[] = [];
    beat.act = async () => {
      times.push((await test.queue.get(KEY))!.when.getTime() / 2_000);
      Date.now = () => now() - 1_500;
    };
    await until(() => times.length >= 3, 'three runs', 20_000);
    const [first = NaN] = times;
    expect(times.slice(0, 3)).toEqual([first, first + 1, first + 2]);
    await test.queue.clear();
  });

  it.each([
    [
      'a year',
      (last: Date) => `${clockOf(last)} ${last.getUTCDate()} ${last.getUTCMonth() + 1} * ${last.getUTCFullYear()}`,
    ],
    ['a date', (last: Date) => last.toISOString().replace('.000Z', '')],
  ])('with %s have one last run, completed, and do not begin again', async (_what, cronOf) => {
    const last = new Date(Math.ceil(now() / 1_000) * 1_000 + 2_000);
    const Version = versionOf({ cron: cronOf(last), tz: 'UTC' });
    await using test = await startQueue(space, { providers: [Version] });
    const beat = test.context.get(Version);
    await until(() => beat.runs.length === 1, 'the run', 10_000);
    expect(beat.runs[0]?.at).toBeGreaterThanOrEqual(last.getTime());
    await until(async () => (await test.queue.get(KEY))?.state === 'completed', 'its end');
    await test.queue.strike('another'); // lets workers look at their automatic tasks
    await test.queue.restore('another');
    expect((await test.queue.snapshot()).total).toBe(0);
  });

  // In memory every process has a fleet of its own.
  if (kind.isShared)
    describe('a deploy that changes that of an automatic task', () => {
      async function deploy(fleet: string, options: PerpetualOptions, worker: object = {}): Promise<Worker> {
        const Version = versionOf(options);
        const test = await startQueue(space, { providers: [Version] }, { fleet, ...worker });
        return Object.assign(test, { beat: test.context.get(Version) });
      }

      const dueAt = async ({ queue }: Worker): Promise<number> => (await queue.get(KEY))?.when.getTime() ?? NaN;

      /** Until the first run of a fleet is over. @returns when the next comes. */
      async function begun(worker: Worker): Promise<number> {
        await until(() => worker.queue.counts.rescheduled === 1, 'the first run');
        return dueAt(worker);
      }

      it('is in force with the first worker that knows it, once, and shown', async () => {
        const fleet = space.newQueue();
        const before = await deploy(fleet, { every: '1h' });
        const old = await begun(before);
        const { id } = (await before.queue.get(KEY))!;
        await before.context.close();
        const workers = await Promise.all([1, 2, 3].map(() => deploy(fleet, { every: '2h' })));
        const [one] = workers as [Worker];
        const changes = (): string[] => workers.flatMap(({ logs }) => logs.matching('by a new schedule'));
        await until(() => changes().length > 0, 'the new time');
        expect(await dueAt(one)).toBe(old + HOUR);
        const { executions } = await one.queue.snapshot();
        expect(executions.map(({ key, when, state }) => [key, when.getTime(), state])).toEqual([
          [KEY, old + HOUR, 'scheduled'],
        ]);
        expect((await one.queue.get(KEY))?.id).toBe(id);
        const [from, to] = [old, old + HOUR].map((time) => new Date(time).toISOString());
        expect(changes()).toEqual([
          `log Perpetual task ${KEY} runs next at ${to} instead of ${from}, by a new schedule: every 7200000 Tasks`,
        ]);
        expect(workers.map(({ queue }) => queue.counts.retimed).toSorted()).toEqual([0, 0, 1]);
        await one.queue.clear();
        await Promise.all(workers.map(({ context }) => context.close()));
      });

      it.each<[PerpetualOptions, PerpetualOptions]>([
        [{ every: '1h' }, { every: 300 }],
        [
          { cron: '0 0 1 1 *', tz: 'UTC' },
          { cron: '* * * * * *', tz: 'UTC' },
        ],
        [{ cron: '0 0 1 1 *', tz: 'UTC' }, { every: 300 }],
      ])('from %p to %p: runs soon', async (former, next) => {
        const fleet = space.newQueue();
        const before = await deploy(fleet, former);
        await until(() => before.queue.get(KEY), 'the chain');
        if (former.every !== undefined) await begun(before);
        await before.context.close();
        await using after = await deploy(fleet, next);
        await until(() => after.beat.runs.length >= 3, 'three runs');
        expect((await after.queue.snapshot()).total).toBe(1);
        await after.queue.clear();
      });

      it('goes back and forth without drift, and a restart changes nothing', async () => {
        const fleet = space.newQueue();
        await using old = await deploy(fleet, { every: '1h' });
        const due = await begun(old);
        const versions: Worker[] = [];
        for (const [every, later] of [
          ['1h', 0],
          ['2h', HOUR],
          ['2h', HOUR],
          ['1h', 0],
          ['90m', HOUR / 2],
        ] as const) {
          await using next = await deploy(fleet, { every });
          await until(async () => (await dueAt(next)) === due + later, `the time by ${every}`);
          versions.push(next);
        }
        expect(versions.map(({ logs }) => logs.matching('by a new schedule').length)).toEqual([0, 1, 0, 1, 1]);
        await old.queue.clear();
      });

      it('leaves a run alone, and has the next one, with the arguments that the run has chosen', async () => {
        const fleet = space.newQueue();
        await using old = await deploy(fleet, { every: '1h' });
        let finish = (): void => {};
        const isFinished = new Promise<void>((resolve) => (finish = resolve));
        let signal: AbortSignal | undefined;
        old.beat.act = (context) => {
          signal = context.signal;
          context.perpetual.perpetuate('chosen');
          return isFinished;
        };
        await until(() => old.beat.runs.length === 1, 'the run');
        await using next = await deploy(fleet, { every: '2h' });
        await until(async () => (await next.queue.workers()).length === 2, 'the new worker');
        const running = await next.queue.get(KEY);
        expect(running?.state).toBe('running');
        finish();
        const due = running!.when.getTime() + 2 * HOUR;
        await until(async () => (await dueAt(next)) === due, 'the new time', 15_000);
        expect(signal?.aborted).toBe(false);
        expect((await next.queue.get(KEY))?.args).toEqual(['chosen']);
        await old.queue.clear();
      });

      it('is what the workers of the old version go by', async () => {
        const fleet = space.newQueue();
        await using old = await deploy(fleet, { every: '1h' });
        await begun(old);
        const next = await deploy(fleet, { every: 200 });
        await until(() => old.beat.runs.length + next.beat.runs.length >= 3, 'runs by the new schedule');
        await next.context.close();
        const { length } = old.beat.runs;
        await until(() => old.beat.runs.length >= length + 2, 'runs of the old version');
        expect((await old.queue.snapshot()).total).toBe(1);
        await old.queue.clear();
      });

      it('goes on as if it had been added by hand when it is not automatic any more', async () => {
        const fleet = space.newQueue();
        const before = await deploy(fleet, { every: 200 });
        await begun(before);
        await before.context.close();
        await using after = await deploy(fleet, { every: 100, automatic: false });
        await until(() => after.beat.runs.length >= 2, 'two runs');
        expect(await after.queue.cancel(KEY)).not.toBe('not-found');
        await until(async () => (await after.queue.snapshot()).total === 0, 'its end');
      });
    });
});
