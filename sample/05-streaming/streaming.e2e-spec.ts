import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler } from 'nestjs-tasks';
import request from 'supertest';
import { AppModule } from './app.module.js';
import type { TimelineEntry } from './timeline.service.js';

/** More than fits in all buffers on the way, so that the server cannot be done when the client leaves. */
const ENDLESS = 1_000_000_000;

describe('05-streaming', () => {
  let folder: string;
  let app: INestApplication;
  let url: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'streaming-'));
    process.env.DATA_DIR = folder;
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true });
    delete process.env.DATA_DIR;
  });

  it('runs the tasks of a stream before its first line and after its last', async () => {
    const { text } = await request(url).get('/report?rows=2000').expect(200).expect('Content-Type', /csv/);
    expect(text.split('\n')).toHaveLength(2_002);
    expect(await timeline()).toEqual([
      'immediate task',
      'after-route task',
      'first chunk',
      'last chunk',
      'response sent',
      'after-response task',
    ]);
    expect(await records()).toEqual([expect.objectContaining({ kind: 'report', outcome: 'complete' })]);
  });

  it('runs the tasks of server-sent events at the first and after the last', async () => {
    const { text } = await request(url)
      .get('/export?rows=2500')
      .expect(200)
      .expect('Content-Type', /event-stream/);
    expect(text.match(/(?<=data: ).*/g)).toEqual(['1000 of 2500 rows', '2000 of 2500 rows', '2500 of 2500 rows']);
    expect(await timeline()).toEqual([
      'immediate task',
      'first chunk',
      'after-route task',
      'last chunk',
      'response sent',
      'after-response task',
    ]);
    expect(await records()).toEqual([expect.objectContaining({ kind: 'export', outcome: 'complete' })]);
  });

  it('runs the tasks once when the client leaves in the middle of a stream', async () => {
    await leaveEarly('/report');
    expect(await timeline()).toEqual([
      'immediate task',
      'after-route task',
      'first chunk',
      'client gone',
      'after-response task',
    ]);
    expect(await records()).toEqual([expect.objectContaining({ kind: 'report', outcome: 'aborted' })]);
  });

  it('runs the tasks once when the client leaves in the middle of server-sent events', async () => {
    await leaveEarly('/export');
    expect(await timeline()).toEqual([
      'immediate task',
      'first chunk',
      'after-route task',
      'client gone',
      'after-response task',
    ]);
    expect(await records()).toEqual([expect.objectContaining({ kind: 'export', outcome: 'aborted' })]);
  });

  it('discards the tasks of a request that a pipe refuses', async () => {
    await request(url).get('/report?rows=many').expect(400);
    await request(url).get('/export?rows=many').expect(400);
    expect(await timeline()).toEqual([]);
  });

  /** Hangs up at the first chunk. */
  async function leaveEarly(path: string): Promise<void> {
    const client = get(`${url}${path}?rows=${ENDLESS}`, { agent: false });
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    response.on('error', () => {}); // 'aborted': that is us
    await once(response, 'data');
    client.destroy();
  }

  async function timeline(): Promise<string[]> {
    await app.get(TaskScheduler).idle();
    const { body } = await request(url).get('/timeline').expect(200);
    return (body as TimelineEntry[]).map(({ moment }) => moment);
  }

  async function records(): Promise<unknown[]> {
    const lines = await readFile(join(folder, 'downloads.jsonl'), 'utf8');
    return lines
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
  }
});
