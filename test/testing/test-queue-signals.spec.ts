import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Durable, TaskQueue, TasksModule } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { LogLines } from '../support/log-lines.js';

const START = new Date('2030-01-01T00:00:00.000Z');
const MINUTE = 60_000;

@Injectable()
class Mails {
  @Durable('mail.send', { retry: { attempts: 2, delay: '30s' } })
  send(to: string): void {
    if (to === 'nobody') throw new Error('bad');
  }
}

let module: TestingModule;
let test: TestQueue;
let queue: TaskQueue;

beforeEach(async () => {
  const imports = [TasksModule.forRoot({})];
  const builder = Test.createTestingModule({ imports, providers: [Mails] }).setLogger(new LogLines());
  test = TestQueue.install(builder, { now: START });
  module = await builder.compile();
  await module.init();
  queue = module.get(TaskQueue);
});
afterEach(() => module.close());

describe('TestQueue and queue.stats()', () => {
  it('goes by the virtual clock, while nothing runs', async () => {
    await queue.add('mail.send')('ada');
    await queue.add('mail.send', { when: '10m' })('bob');
    expect((await queue.stats()).total).toMatchObject({ waiting: 1, scheduled: 1, oldestWait: 0 });
    await test.clock.advance('15m');
    expect((await queue.stats()).tasks['mail.send']).toMatchObject({ waiting: 2, oldestWait: 15 * MINUTE });
    await test.runUntilFinished();
    expect((await queue.stats()).total).toMatchObject({ waiting: 0, scheduled: 0, oldestWait: undefined });
  });
});

describe('TestQueue and queue.timeline()', () => {
  it('tells minute by minute what happened, and how long it waited', async () => {
    await queue.add('mail.send')('nobody');
    await test.clock.advance(5_000); // it waits
    await test.advance(MINUTE); // its attempts start at 0:05 and 0:35
    await queue.add('mail.send')('ada');
    await test.advance(0);
    const [first, second, ...others] = await queue.timeline({ since: '10m' });
    expect(first).toMatchObject({
      at: START,
      task: 'mail.send',
      added: 1,
      started: 2,
      retried: 1,
      failed: 1,
      completed: 0,
    });
    expect(first?.wait.p50).toBe(0);
    expect(Math.abs((first?.wait.p95 ?? 0) - 5_000)).toBeLessThan(160);
    expect(second).toMatchObject({ at: new Date(START.getTime() + MINUTE), added: 1, started: 1, completed: 1 });
    expect(others).toEqual([]);
    expect(await queue.timeline({ since: '10m', step: '1h' })).toMatchObject([{ at: START, added: 2, started: 3 }]);
    expect(await queue.timeline({ since: '10m', until: START })).toEqual([first]);
    expect(await queue.timeline({ since: new Date(START.getTime() + MINUTE) })).toEqual([second]);
  });

  it('reaches back 72 hours', async () => {
    await queue.add('mail.send')('ada');
    await test.advance('71h');
    expect(await queue.timeline({ since: '20d' })).toMatchObject([{ at: START, added: 1 }]);
    await test.advance('2h');
    expect(await queue.timeline({ since: '20d' })).toEqual([]);
  });
});
