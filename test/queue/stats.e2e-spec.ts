import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { startQueue } from '../support/queue-context.js';
import { until } from '../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Orders {
  readonly go = new Gate();

  @Durable('orders.note')
  note(_what: unknown): void {}

  @Durable('orders.hold')
  @ConcurrencyLimit(1)
  async hold(): Promise<void> {
    await this.go.passed;
  }

  @Durable('orders.fail', { retry: { attempts: 3, delay: '1h' } })
  fail(): void {
    throw new Error('bad');
  }
}

const NONE = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestWait: undefined };

describe.each(BROKERS)('queue.stats(): $label', (kind) => {
  const space = brokerSpace(kind);
  const start = () => startQueue(space, { providers: [Orders] });

  it('is empty where nothing was added', async () => {
    await using test = await start();
    expect(await test.queue.stats()).toEqual({ total: NONE, tasks: {}, isPaused: false });
  });

  it('counts what runs, is parked, is retried and is due later, by task and in all', async () => {
    await using test = await start();
    const [orders, queue] = [test.context.get(Orders), test.queue];
    await queue.add(orders.hold)();
    await until(async () => (await queue.stats()).total.running === 1, 'one to run');
    await queue.add(orders.hold)();
    await queue.add(orders.fail)();
    await queue.add(orders.note, { when: '1h' })('later');
    await until(async () => {
      const { parked, retrying } = (await queue.stats()).total;
      return parked === 1 && retrying === 1;
    }, 'one to be parked, and one to be retried');
    expect(await queue.stats()).toEqual({
      total: { ...NONE, running: 1, parked: 1, retrying: 1, scheduled: 1 },
      tasks: {
        'orders.hold': { ...NONE, running: 1, parked: 1 },
        'orders.fail': { ...NONE, retrying: 1 },
        'orders.note': { ...NONE, scheduled: 1 },
      },
      isPaused: false,
    });
    orders.go.pass();
  });

  it('tells how long the oldest waits, and that the queue is paused', async () => {
    await using test = await startQueue(space, { providers: [Orders] }, { worker: false });
    const [orders, queue] = [test.context.get(Orders), test.queue];
    await queue.pause();
    await queue.add(orders.note, { when: new Date(Date.now() - 60_000) })('old');
    await queue.add(orders.note)('new');
    await queue.add(orders.fail)();
    const { total, tasks, isPaused } = await queue.stats();
    expect(isPaused).toBe(true);
    expect(total).toMatchObject({ waiting: 3, scheduled: 0 });
    expect(tasks['orders.fail']?.oldestWait).toBeLessThan(10_000);
    expect(tasks['orders.note']?.oldestWait).toBe(total.oldestWait);
    await queue.clear();
    await queue.resume();
  });
});
