import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, Perpetual } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { expectLines } from '../../support/expect-soon.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

const HOUR = 3_600_000;
/** Only time of the cron expression, months away from any run of this test. */
const YEAR = new Date().getUTCFullYear() + 1;
const NEXT = Date.UTC(YEAR, 5, 1, 12);

@Injectable()
class Jobs {
  readonly runs: string[] = [];
  isDown = true;

  @Durable('jobs.note')
  note(text: string): void {
    this.runs.push(text);
  }

  @Durable('jobs.retry', { retry: { attempts: 3, delay: '1h' } })
  retry(): string {
    this.runs.push('retry');
    if (this.isDown) throw new Error('bad');
    return 'done';
  }

  @Perpetual({ cron: `0 0 12 1 6 * ${YEAR}`, tz: 'UTC', automatic: true })
  @Durable('jobs.report')
  report(): void {
    this.runs.push('report');
  }

  @Perpetual({ every: '2h' })
  @Durable('jobs.beat')
  beat(): void {
    this.runs.push('beat');
  }
}

describe.each(BROKERS)('runNow(): $label', (kind) => {
  const space = brokerSpace(kind);
  const start = () => startQueue(space, { providers: [Jobs] });

  it('starts what is due later, with its arguments, and says so in the log', async () => {
    await using test = await start();
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    const execution = await queue.add(jobs.note, { key: 'k', when: '1h' })('x');
    expect(await queue.runNow({ key: 'k', id: execution.id })).toBe('started');
    await execution.result({ timeout: '20s' });
    expect(jobs.runs).toEqual(['x']);
    expect((await execution.refresh()).when.getTime()).toBeLessThan(Date.now() + 1_000);
    await expectLines(
      () => test.logs.matching('brought forward'),
      [expect.stringContaining('Execution jobs.note (k) was brought forward to now by hand')],
    );
    await queue.clear();
  });

  it('starts the next attempt of what has failed, and takes none away', async () => {
    await using test = await start();
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    const execution = await queue.add(jobs.retry, { key: 'k' })();
    await until(async () => (await queue.get('k'))?.state === 'retrying', 'the retry');
    const addedFor = (await queue.find({ key: 'k' }))?.addedAt;
    jobs.isDown = false;
    expect(await queue.runNow({ key: 'k' })).toBe('started');
    expect(await execution.result({ timeout: '20s' })).toBe('done');
    expect((await execution.refresh()).attempt).toBe(2);
    expect(execution.addedAt).toEqual(addedFor);
    await queue.clear();
  });

  it('keeps the times of a cron expression: the one that was brought forward comes all the same', async () => {
    await using test = await start();
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    const key = 'jobs.report';
    await until(async () => (await queue.get(key))?.state === 'scheduled', 'the chain');
    expect((await queue.get(key))?.when.getTime()).toBe(NEXT);
    for (let run = 1; run <= 2; run += 1) {
      expect(await queue.runNow({ key })).toBe('started');
      await until(async () => jobs.runs.length === run && (await queue.get(key))?.state === 'scheduled', `run ${run}`);
      expect((await queue.get(key))?.when.getTime()).toBe(NEXT);
    }
    await queue.clear();
  });

  it('counts the interval of a perpetual task from this start', async () => {
    await using test = await start();
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    await queue.add(jobs.beat, { key: 'beat', when: '30m' })();
    const startedAt = Date.now();
    expect(await queue.runNow({ key: 'beat' })).toBe('started');
    await until(
      async () => jobs.runs.includes('beat') && (await queue.get('beat'))?.state === 'scheduled',
      'the next run',
    );
    const when = (await queue.get('beat'))?.when.getTime() ?? 0;
    expect(when).toBeGreaterThanOrEqual(startedAt + 2 * HOUR);
    expect(when).toBeLessThan(Date.now() + 2 * HOUR + 1);
    await queue.clear();
  });

  it('leaves alone what has ended, waits or is not there', async () => {
    await using test = await startQueue(space, { providers: [Jobs] }, { worker: false });
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    const ended = await queue.add(jobs.note, { key: 'k', when: '1h' })('x');
    await queue.cancel('k');
    const next = await queue.add(jobs.note, { key: 'k', when: '1h' })('y');
    await queue.add(jobs.note, { key: 'queued' })('z');
    expect(await queue.runNow({ key: 'none' })).toBe('not-found');
    expect(await queue.runNow({ key: 'k', id: ended.id })).toBe('not-scheduled');
    expect(await queue.runNow({ key: 'queued' })).toBe('not-scheduled');
    expect((await next.refresh()).state).toBe('scheduled');
    await queue.clear();
  });
});
