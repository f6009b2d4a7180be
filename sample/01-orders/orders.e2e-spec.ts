import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleLogger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { TaskScheduler, type TaskEvent } from 'nestjs-tasks';
import { AppModule } from './app.module.js';
import { PACE } from './network.js';
import type { Order } from './order.js';
import { ORDERS_FILE } from './orders.store.js';

let folder: string;
let app: INestApplication;
let scheduler: TaskScheduler;
let events: TaskEvent[];

async function start(pace = 0): Promise<void> {
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(ORDERS_FILE)
    .useValue(join(folder, 'orders.jsonl'))
    .overrideProvider(PACE)
    .useValue(pace)
    .setLogger(new ConsoleLogger({ logLevels: [] }))
    .compile();
  app = module.createNestApplication();
  await app.listen(0);
  scheduler = app.get(TaskScheduler);
  scheduler.events$.subscribe((event) => events.push(event));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orders-'));
  events = [];
  await start();
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const BOOK = { book: 'The Art of Shutting Down', quantity: 2, card: '4242424242424242' };

async function place(order: object): Promise<Order> {
  const { body } = await request(app.getHttpServer()).post('/orders').send(order).expect(201);
  await scheduler.idle();
  const found = await request(app.getHttpServer())
    .get(`/orders/${(body as Order).id}`)
    .expect(200);
  return found.body as Order;
}

describe('an order', () => {
  it('is answered while it is processed, and then paid, reserved, confirmed and told to the partners', async () => {
    const { body } = await request(app.getHttpServer()).post('/orders').send(BOOK).expect(201);
    expect(body).toMatchObject({ status: 'processing', total: 5_800, arrivesInDays: 2 });
    await scheduler.idle();
    const { id } = body as Order;
    await request(app.getHttpServer())
      .get(`/orders/${id}`)
      .expect(200, {
        id,
        book: BOOK.book,
        quantity: 2,
        total: 5_800,
        status: 'paid',
        stock: 'reserved',
        mailed: true,
        partners: { warehouse: 'told', shipping: 'told', accounting: 'told' },
      });
  });

  it('starts its tasks at their moments, and shields those that must not be cut off', async () => {
    await place(BOOK);
    const started = events.filter(({ type }) => type === 'started').map(({ task }) => task);
    expect(started.map(({ name, timing, shielded }) => [name.replace(/_.{4}$/, ''), timing, shielded])).toEqual([
      ['payment', 'immediate', true],
      ['stock', 'afterRoute', false],
      ['mail', 'afterResponse', false],
      ['analytics', 'afterResponse', false],
      ['partners', 'afterResponse', true],
    ]);
  });

  it('is refunded when the payment fails, and the card is nowhere', async () => {
    const order = await place({ ...BOOK, card: '4000000000000002' });
    expect(order.status).toBe('refunded');
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({
      error: new Error('The bank has declined the card'),
    });
    expect(await readFile(join(folder, 'orders.jsonl'), 'utf8')).not.toContain('4000000000000002');
  });

  it('records which partners failed, and tells the others all the same', async () => {
    const order = await place({ ...BOOK, book: 'Out of Print' });
    expect(order).toMatchObject({
      stock: 'sold out',
      partners: { warehouse: 'told', shipping: 'Error: nothing to ship', accounting: 'told' },
    });
  });

  it.each([
    [{ ...BOOK, book: 'constructor' }, /^book must be one of/],
    [{ ...BOOK, quantity: 0 }, /^quantity/],
    [{ ...BOOK, quantity: '1' }, /^quantity/],
    [{ ...BOOK, card: '4242' }, /^card must have 16 digits$/],
    [{}, /^book/],
  ])('that is not valid is refused and runs nothing: %j', async (order, message) => {
    const { body } = await request(app.getHttpServer()).post('/orders').send(order).expect(400);
    expect((body as { message: string }).message).toMatch(message);
    await scheduler.idle();
    expect(events).toEqual([]);
  });

  it('is found by a valid id alone', async () => {
    await request(app.getHttpServer()).get('/orders/1').expect(400);
    await request(app.getHttpServer()).get('/orders/00000000-0000-4000-8000-000000000000').expect(404);
  });

  it('survives a restart, and a last line that a crash has cut short', async () => {
    const order = await place(BOOK);
    await app.close();
    const { appendFile } = await import('node:fs/promises');
    await appendFile(join(folder, 'orders.jsonl'), '{"id":"cut sho');
    await start();
    await request(app.getHttpServer()).get(`/orders/${order.id}`).expect(200, order);
  });

  it('is paid when the application shuts down in the middle, and not mailed', async () => {
    await app.close();
    await start(0.1);
    const { body } = await request(app.getHttpServer()).post('/orders').send(BOOK).expect(201);
    await app.close();
    const lines = (await readFile(join(folder, 'orders.jsonl'), 'utf8')).trimEnd().split('\n');
    const saved = JSON.parse(lines.at(-1) ?? '') as Order;
    expect(saved).toMatchObject({ id: (body as Order).id, status: 'paid' });
    expect(saved.mailed).toBeUndefined();
    const ends = events.filter(({ type }) => type === 'cancelled').map(({ task }) => task.name.slice(0, 4));
    expect(ends).toContain('mail');
  });
});

describe('the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/assets/shop.js', 'text/javascript; charset=utf-8'],
    ['/assets/style.css', 'text/css; charset=utf-8'],
    ['/assets/favicon.svg', 'image/svg+xml'],
  ])('has %s', async (path, type) => {
    await request(app.getHttpServer()).get(path).expect(200).expect('Content-Type', type);
  });

  it.each(['/assets/none.js', '/assets/..%2Fmain.ts', '/assets/..%2F..%2F01-orders%2Fmain.js', '/assets/shop'])(
    'has no %s',
    async (path) => {
      await request(app.getHttpServer()).get(path).expect(404);
    },
  );
});

describe('the stream of events', () => {
  it('tells a late listener everything: order, tasks, response, and the shutdown to its end', async () => {
    await app.close();
    await start(1);
    const { body } = await request(app.getHttpServer()).post('/orders').send(BOOK).expect(201);
    const { id } = body as Order;
    const stream = await fetch(`${await app.getUrl()}/timeline`);
    const [text] = await Promise.all([stream.text(), app.close()]);
    const entries = [...text.matchAll(/event: (\w+)\n(?:id: .*\n)?data: (.*)\n/g)].map(([, type, data]) => ({
      type,
      data: JSON.parse(data ?? '') as object,
    }));

    expect(entries[0]).toMatchObject({ type: 'server' });
    expect(entries).toContainEqual({ type: 'response', data: { at: expect.any(Number), orderId: id } });
    const step = { orderId: id, task: 'payment', shielded: true, timing: 'immediate' };
    for (const what of ['scheduled', 'started', 'succeeded']) {
      expect(entries).toContainEqual({ type: 'task', data: expect.objectContaining({ ...step, what }) });
    }
    const [payment, mail] = [`payment_${id.slice(-4)}`, `mail_${id.slice(-4)}`];
    const waitsFor = expect.arrayContaining([payment]);
    expect(entries).toContainEqual({ type: 'shutdown', data: { at: expect.any(Number), waitsFor } });
    expect(entries.at(-1)).toMatchObject({
      type: 'stopped',
      data: {
        report: { finished: expect.arrayContaining([payment]), failed: [], cancelled: expect.arrayContaining([mail]) },
      },
    });
    expect(text).not.toContain(BOOK.card);
  });
});
