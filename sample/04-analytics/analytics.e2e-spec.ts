import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ServiceUnavailableException, type CallHandler, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TaskScheduler, type TaskEvent } from 'nestjs-tasks';
import { defer, mergeMap, throwError } from 'rxjs';
import request from 'supertest';
import { Alerts } from './alerts.service.js';
import { AppModule } from './app.module.js';
import { DATA_DIR } from './data-dir.provider.js';
import type { TrackedEvent } from './tracked-event.pipe.js';

/** A point that one side waits at until the other has passed it. */
class Gate {
  pass!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.pass = resolve;
  });
}

describe('Analytics', () => {
  let folder: string;
  let app: INestApplication;
  let scheduler: TaskScheduler;
  let taskEvents: TaskEvent[];
  /** What the application's routes go through. */
  let around: (handler: CallHandler) => ReturnType<CallHandler['handle']>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'analytics-'));
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(DATA_DIR)
      .useValue(folder)
      .compile();
    app = module.createNestApplication({ logger: false });
    around = (handler) => handler.handle();
    app.useGlobalInterceptors({ intercept: (_context, handler) => around(handler) });
    await app.listen(0);
    scheduler = app.get(TaskScheduler);
    taskEvents = [];
    scheduler.events$.subscribe((event) => taskEvents.push(event));
  });

  afterEach(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });

  const track = (userId: string) => request(app.getHttpServer()).post('/track').send({ userId, event: 'click' });

  async function trackMany(count: number): Promise<string[]> {
    const users = Array.from({ length: count }, (_, number) => `user-${number}`);
    for (const user of users) await track(user).expect(202);
    return users;
  }

  async function storedUsers(): Promise<string[]> {
    const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8').catch(() => '')).split('\n');
    return lines.filter(Boolean).map((line) => (JSON.parse(line) as TrackedEvent).userId);
  }

  async function spooledUsers(): Promise<string[]> {
    const batch = JSON.parse(await readFile(join(folder, 'spool.jsonl'), 'utf8')) as TrackedEvent[];
    return batch.map(({ userId }) => userId);
  }

  const started = () =>
    taskEvents.filter(({ type }) => type === 'started').map(({ task }) => ({ name: task.name, timing: task.timing }));

  /** A folder in a file's place makes every write to it fail. */
  const breakFile = (name: string) => mkdir(join(folder, name));

  /** Calls back when Nest stops accepting requests, which is when all beforeApplicationShutdown hooks have run. */
  function onServerClosing(callback: () => void): void {
    const adapter = app.getHttpAdapter();
    const close = adapter.close.bind(adapter) as () => unknown;
    jest.spyOn(adapter, 'close').mockImplementation(() => {
      callback();
      return close();
    });
  }

  it.each([{}, { userId: 'u1' }, { event: 'click' }, { userId: 1, event: 'click' }, { userId: '', event: 'click' }])(
    'answers 400 to %j',
    async (body: object) => {
      const { status } = await request(app.getHttpServer()).post('/track').send(body);
      expect(status).toBe(400);
    },
  );

  it('stores ten events in one task after the response', async () => {
    const users = await trackMany(10);
    await scheduler.idle();
    expect(started()).toEqual([{ name: 'analytics_batch_10_events', timing: 'afterResponse' }]);
    expect(await storedUsers()).toEqual(users);
  });

  it('stores nothing before the tenth event', async () => {
    await trackMany(9);
    await scheduler.idle();
    expect(taskEvents).toEqual([]);
    expect(await storedUsers()).toEqual([]);
  });

  it('keeps the batch when the tenth request fails after it has tracked', async () => {
    const users = await trackMany(9);
    around = (handler) =>
      handler.handle().pipe(mergeMap(() => throwError(() => new ServiceUnavailableException('too late'))));
    await track('tenth').expect(503);
    await scheduler.idle();
    expect(await storedUsers()).toEqual([...users, 'tenth']);
  });

  it('spools a batch that the store does not take', async () => {
    await breakFile('events.jsonl');
    const users = await trackMany(10);
    await scheduler.idle();
    expect(await spooledUsers()).toEqual(users);
    expect(app.get(Alerts).raised).toEqual([]);
  });

  it('raises an alert when the spool file fails too', async () => {
    await breakFile('events.jsonl');
    await breakFile('spool.jsonl');
    await trackMany(10);
    await scheduler.idle();
    expect(app.get(Alerts).raised).toEqual([expect.stringContaining('analytics_batch_10_events is lost')]);
  });

  it('stores what is left in the buffer when it shuts down', async () => {
    const users = await trackMany(3);
    await app.close();
    expect(await storedUsers()).toEqual(users);
  });

  it('spools what is left in the buffer when the store fails while it shuts down', async () => {
    await breakFile('events.jsonl');
    const users = await trackMany(3);
    await app.close();
    expect(await spooledUsers()).toEqual(users);
  });

  it('loses no event of a request in flight while it shuts down', async () => {
    const users = await trackMany(3);
    const gate = new Gate();
    const bothArrived = new Gate();
    let arrivals = 0;
    around = (handler) => {
      arrivals += 1;
      if (arrivals === 2) bothArrived.pass();
      return defer(() => gate.passed).pipe(mergeMap(() => handler.handle()));
    };
    const answered = Promise.all([track('late-1').expect(202), track('late-2').expect(202)]);
    await bothArrived.passed;
    onServerClosing(gate.pass);
    await app.close();
    await answered;
    expect((await storedUsers()).toSorted()).toEqual(['late-1', 'late-2', ...users]);
  });
});
