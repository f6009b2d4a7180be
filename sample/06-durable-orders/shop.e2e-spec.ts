import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TaskQueue, TasksModule } from 'nestjs-tasks';
import request from 'supertest';
import { LEDGER_FILE } from './ledger.js';
import { ShopController } from './shop.controller.js';
import { ShopModule } from './shop.module.js';

describe('the API of 06-durable-orders', () => {
  let folder: string;
  let app: INestApplication;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'durable-orders-'));
    const module = await Test.createTestingModule({
      imports: [TasksModule.forRoot({ queue: { worker: false } }), ShopModule],
      controllers: [ShopController],
    })
      .overrideProvider(LEDGER_FILE)
      .useValue(join(folder, 'ledger.jsonl'))
      .compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
  });

  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  const post = (path: string, body: object = {}) => request(app.getHttpServer()).post(path).send(body);
  const total = async () => (await app.get(TaskQueue).snapshot()).total;

  it('gives each order an id that nobody guesses', async () => {
    const { body } = await post('/orders', { book: 'Out of Print' }).expect(202);
    expect(body).toEqual({ id: expect.stringMatching(/^[\da-f-]{36}$/), book: 'Out of Print', total: 42 });
  });

  it.each(['2026-13', '2026-1', 'all', '%00', '2026-10-01'])('answers 400 to the month %s', async (month) => {
    await post(`/invoices/${month}`).expect(400);
    expect(await total()).toBe(0);
  });

  it.each(['/invoices/2026-10', '/catalogue/index'])('answers 409 to POST %s when that is waiting', async (path) => {
    await post(path).expect(202);
    await post(path).expect(409);
    expect(await total()).toBe(1);
  });
});
