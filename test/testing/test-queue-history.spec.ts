import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Durable, TaskQueue, TasksModule } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { LogLines } from '../support/log-lines.js';

class TestClock {
  now = (): number => 0;
}

@Injectable()
class Partner {
  isDown = true;
  readonly sentAt: number[] = [];

  constructor(private readonly clock: TestClock) {}

  @Durable('partner.send')
  send(order: number): void {
    if (this.isDown) throw new Error(`no answer for order ${order}`);
    this.sentAt.push(this.clock.now());
  }
}

describe('what has ended in a TestQueue', () => {
  const clock = new TestClock();
  let module: TestingModule;
  let test: TestQueue;
  let queue: TaskQueue;

  beforeEach(async () => {
    const builder = Test.createTestingModule({
      imports: [TasksModule.forRoot()],
      providers: [Partner, { provide: TestClock, useValue: clock }],
    }).setLogger(new LogLines());
    test = TestQueue.install(builder, { now: new Date('2030-01-01T00:00:00Z') });
    clock.now = () => test.clock.now();
    module = await builder.compile();
    await module.init();
    queue = module.get(TaskQueue);
    for (let order = 0; order < 5; order += 1) {
      await queue.add(Partner.prototype.send, { key: `order:${order}` })(order);
      await test.advance('1m');
    }
  });

  afterEach(() => module.close());

  it('is found by its time', async () => {
    const { executions } = await queue.history({ since: '3m' });
    expect(executions.map(({ key }) => key)).toEqual(['order:4', 'order:3', 'order:2']);
    expect(executions[0]?.endedAt).toEqual(new Date('2030-01-01T00:04:00Z'));
    expect(await queue.failures()).toMatchObject([{ count: 5, first: new Date('2030-01-01T00:00:00Z') }]);
  });

  it('is kept, however far the clock goes', async () => {
    await test.advance('20d');
    expect(await queue.failures()).toMatchObject([{ count: 5 }]);
  });

  it('is retried at a pace of the clock', async () => {
    const partner = module.get(Partner);
    partner.isDown = false;
    const start = test.clock.now();
    const bulk = await queue.retryAll({ state: 'failed' }, { perSecond: 2 });
    test.expectAdded('tasks.retryAll');
    await test.runUntilFinished();
    expect(await bulk.result()).toEqual({ matched: 5, done: 5, skipped: 0 });
    expect(partner.sentAt.map((at) => at - start)).toEqual([0, 500, 1_000, 1_500, 2_000]);
  });

  it('is retried and forgotten one by one', async () => {
    module.get(Partner).isDown = false;
    expect(await queue.retry('order:1')).toBe('retried');
    await test.runUntilFinished();
    expect((await queue.get('order:1'))?.trail.map(({ type }) => type)).toEqual(['failed', 'retried', 'completed']);
    expect(await queue.forget('order:1')).toBe(true);
    expect(await queue.get('order:1')).toBeUndefined();
  });
});
