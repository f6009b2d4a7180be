import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import Database from 'libsql';
import { RunningShop } from '../../test/support/running-shop.js';
import { freePort } from '../../test/support/servers/free-port.js';
import { until } from '../../test/support/until.js';

const BOOK = 'Promises and How to Keep Them';
jest.setTimeout(60_000);

describe('12-transactions', () => {
  let folder: string;
  let shop: RunningShop;
  let url: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'transactions-'));
    shop = new RunningShop(folder, String(await freePort()), '12-transactions'); // the same one for each process
    url = `${await shop.url()}/orders`;
  });
  afterEach(async () => {
    await shop.stop('SIGTERM');
    await rm(folder, { recursive: true });
  });

  const post = (id: string, book: string, query = ''): Promise<Response> =>
    fetch(`${url}${query}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id, book }),
    });
  const look = async <T>(path = ''): Promise<T> => (await fetch(`${url}${path}`)).json() as Promise<T>;
  const pid = async (): Promise<number> => (await look<{ pid: number }>()).pid;
  const shipped = (id: string): Promise<unknown> =>
    until(
      async () => (await look<{ runs?: number }>(`/${id}`).catch(() => ({ runs: 0 }))).runs === 1,
      `the run of order ${id}`,
      40_000,
    );
  /** Reads the file as another process. */
  const count = (from: string): number => {
    const db = new Database(join(folder, 'shop.db'));
    try {
      const [row] = db.prepare(`SELECT COUNT(*) AS n FROM ${from}`).all() as { n: number }[];
      return row?.n ?? 0;
    } finally {
      db.close();
    }
  };

  it('runs the task of an order that has committed', async () => {
    const response = await post('a', BOOK);
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ id: 'a', book: BOOK, status: 'placed', runs: 0, task: 'queued' });
    await shipped('a');
    await until(() => count('nestjs_tasks_outbox') === 0, 'the end of the row', 10_000);
  });

  it('has neither order nor task of a transaction that fails', async () => {
    const response = await post('b', 'Out of Print');
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({
      message: expect.stringContaining('CHECK constraint failed'),
      order: null,
      task: null,
    });
    expect(count('orders')).toBe(0);
    expect(count('nestjs_tasks_outbox')).toBe(0);
  });

  it('runs the task with the next start when the process was killed between the commit and the run', async () => {
    const killed = await pid();
    await expect(post('c', BOOK, '?then=kill')).rejects.toThrow('fetch failed');
    await shop.line(/The server was killed/);
    expect(count('orders')).toBe(1);
    expect(count('nestjs_tasks_outbox')).toBe(1);
    await shipped('c');
    expect(await pid()).not.toBe(killed);
  });

  it('runs the task again when the process was killed in its run', async () => {
    await post('d', BOOK);
    await until(async () => (await look<{ task: string }>('/d')).task === 'running', 'the run');
    process.kill(await pid(), 'SIGKILL');
    await shop.line(/The server was killed/);
    expect(count("orders WHERE status = 'shipped'")).toBe(0);
    await shipped('d');
  });

  it('refuses an order without an id', async () => {
    expect((await post('', BOOK)).status).toBe(400);
  });
});
