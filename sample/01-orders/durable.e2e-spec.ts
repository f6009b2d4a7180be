import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { TaskQueue, TaskScheduler } from 'nestjs-tasks';
import { until } from '../../test/support/until.js';
import { AppModule } from './app.module.js';
import type { DurableState } from './durable/durable-state.js';
import { PACE } from './network.js';
import { ORDERS_FILE } from './orders.store.js';

/** Time that a busy machine may take for what takes a second, in milliseconds. */
const PATIENCE = 20_000;

let folder: string;
let app: INestApplication;
let queue: TaskQueue;

async function start(pace: number): Promise<void> {
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(ORDERS_FILE)
    .useValue(join(folder, 'orders.jsonl'))
    .overrideProvider(PACE)
    .useValue(pace)
    .setLogger(new ConsoleLogger({ logLevels: [] }))
    .compile();
  app = module.createNestApplication();
  await app.listen(0);
  queue = app.get(TaskQueue);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durable-'));
  await start(0);
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

async function press(path: string, body: object): Promise<DurableState> {
  const response = await request(app.getHttpServer()).post(`/durable/${path}`).send(body).expect(201);
  return response.body as DurableState;
}

/** Resolves to the state once it is as wanted, as a press that changes nothing answers. */
async function reaches(what: string, isReached: (state: DurableState) => boolean): Promise<DurableState> {
  const isPaused = await queue.isPaused();
  return until(
    async () => {
      const state = await press('pause', { isPaused });
      return isReached(state) && state;
    },
    what,
    PATIENCE,
  );
}

describe('the durable tasks of the shop', () => {
  it('fail in one group while the partner is broken, and are retried when it works', async () => {
    await press('partner', { isBroken: true });
    await press('parcels', { count: 30 });
    const failed = await reaches('all to fail', ({ parcels }) => parcels.left === 0);
    expect(failed.parcels).toEqual({ isBroken: true, announced: 0, failed: 30, left: 0 });
    expect(await queue.failures()).toMatchObject([{ task: 'parcels.announce', count: 30 }]);
    const lines = (await (await queue.get('parcel:30'))!.logs()).map(
      ({ attempt, message }) => `${attempt}: ${message}`,
    );
    expect(lines).toEqual([1, 2].map((attempt) => `${attempt}: asks the partner to take parcel 30`));

    await press('partner', { isBroken: false });
    await queue.retryAll({ state: 'failed', task: 'parcels.announce' });
    const mended = await reaches('all to be announced', ({ parcels }) => parcels.announced === 30);
    expect(mended.parcels.failed).toBe(0);
  });

  it('print the invoices of one customer one at a time, and hold up nobody else', async () => {
    await app.close();
    await start(1);
    await press('invoices', { count: 20 }); // a second each
    const { invoices } = await reaches('the others', (state) => state.invoices.others === 4);
    expect(invoices.customer).toBe('bookworm');
    expect(invoices.running).toBeLessThanOrEqual(1);
    expect(invoices.waiting).toBeGreaterThan(0);
    expect((await queue.limits()).map(({ owner, value, max }) => [owner, value, max])).toContainEqual([
      'invoices.print',
      'bookworm',
      1,
    ]);
  });

  it('hold what a strike is on until it is restored', async () => {
    await press('recommendations', { count: 3 });
    const struck = await reaches('the rest', ({ recommendations: { left, held } }) => held === 3 && left === 3);
    expect(struck.recommendations).toEqual({ customer: 'ann', isStruck: true, sent: 6, held: 3, left: 3 });
    expect(await queue.strikes()).toMatchObject([{ mode: 'hold', reason: 'complained about too many mails' }]);

    await press('strike', { isStruck: false });
    const restored = await reaches('all to be sent', ({ recommendations }) => recommendations.left === 0);
    expect(restored.recommendations).toEqual({ customer: 'ann', isStruck: false, sent: 9, held: 0, left: 0 });
    expect((await press('strike', { isStruck: true })).recommendations.isStruck).toBe(true);
  });

  it('count each shelf, and then add up what all have returned', async () => {
    await press('stocktake', { shelves: 10 });
    const { stocktake } = await reaches('the sum', (state) => state.stocktake.books !== undefined);
    expect(stocktake).toMatchObject({ shelves: 10, counted: 10, books: 1_285 });
    const sum = await queue.get('stocktake:1');
    await sum?.result({ timeout: PATIENCE });
    expect(sum?.progress).toEqual({ current: 10, total: 10, message: '1285 books so far' });
    expect(await sum?.logs()).toMatchObject([{ level: 'debug', message: '1285 books on 10 shelves' }]);
  });

  it('wait while the queue is paused', async () => {
    expect((await press('pause', { isPaused: true })).isPaused).toBe(true);
    await press('parcels', { count: 3 });
    expect(await queue.get('parcel:3')).toMatchObject({ state: 'queued' });
    expect((await press('pause', { isPaused: false })).isPaused).toBe(false);
    await reaches('all to be announced', ({ parcels }) => parcels.announced === 3);
  });

  it('run by themselves, every half minute and every night', async () => {
    const { executions } = await queue.snapshot();
    expect(executions.map(({ key }) => key).toSorted()).toEqual(['invoices.report', 'stock.check']);
    const night = executions.find(({ key }) => key === 'invoices.report')!;
    expect([night.when.getHours(), night.when.getMinutes()]).toEqual([3, 0]);
    await until(async () => (await queue.get('stock.check'))!.startedAt, 'the first check', PATIENCE);
    expect((await queue.get('stock.check'))!.when.getTime()).toBeLessThanOrEqual(Date.now() + 30_000);
  });

  it('are no tasks of an order: the timeline leaves them to the dashboard', async () => {
    const stream = await fetch(`${await app.getUrl()}/timeline`);
    await press('parcels', { count: 3 });
    await reaches('all to be announced', ({ parcels }) => parcels.announced === 3);
    await app.get(TaskScheduler).idle();
    const [text] = await Promise.all([stream.text(), app.close()]);
    expect(text).toContain('event: durable\n');
    expect(text).not.toContain('event: task\n');
    expect(text).not.toContain('event: unfinished\n');
  });

  it('are counted as lost when the application shuts down before they have ended', async () => {
    await press('pause', { isPaused: true });
    await press('parcels', { count: 7 });
    const stream = await fetch(`${await app.getUrl()}/timeline`);
    const [text] = await Promise.all([stream.text(), app.close()]);
    expect(text).toMatch(/event: unfinished\n(?:id: .*\n)?data: \{"at":\d+,"count":7\}\n/);
    expect(text.indexOf('event: stopped')).toBeGreaterThan(text.indexOf('event: unfinished'));
    expect(text).toContain('"report":{"finished":[],"failed":[],"cancelled":[]}');
  });
});

describe('a press that is not valid', () => {
  it.each([
    ['partner', {}, 'isBroken must be true or false'],
    ['partner', { isBroken: 'true' }, 'isBroken must be true or false'],
    ['parcels', { count: 0 }, 'count must be a whole number from 1 to 500'],
    ['parcels', { count: 501 }, 'count must be a whole number from 1 to 500'],
    ['parcels', { count: 1.5 }, 'count must be a whole number from 1 to 500'],
    ['invoices', { count: '20' }, 'count must be a whole number from 1 to 100'],
    ['recommendations', { count: null }, 'count must be a whole number from 1 to 100'],
    ['strike', { isStruck: 1 }, 'isStruck must be true or false'],
    ['stocktake', { shelves: 101 }, 'shelves must be a whole number from 1 to 100'],
    ['pause', [], 'isPaused must be true or false'],
  ])('of %s is refused: %j', async (path, body, message) => {
    const response = await request(app.getHttpServer()).post(`/durable/${path}`).send(body).expect(400);
    expect(response.body).toMatchObject({ message });
  });

  // A browser sends these from another site without asking.
  it.each([
    ['application/x-www-form-urlencoded', 'isPaused=true'],
    ['text/plain', '{"isPaused":true}'],
    ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="isPaused"\r\n\r\ntrue\r\n--x--'],
  ])('comes from a form, as %s', async (type, body) => {
    await request(app.getHttpServer()).post('/durable/pause').set('Content-Type', type).send(body).expect(400);
    expect(await queue.isPaused()).toBe(false);
  });
});
