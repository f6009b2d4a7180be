import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Durable,
  TasksConfigError,
  TasksHealthIndicator,
  type TasksHealth,
  type TasksHealthOptions,
} from 'nestjs-tasks';
import { BrokerUnavailableError } from '../../lib/queue/broker/queue-errors.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { startContext } from '../support/context.js';
import { startQueue, type QueueContext } from '../support/queue-context.js';
import { until } from '../support/until.js';

jest.setTimeout(30_000);

@Injectable()
class Orders {
  @Durable('orders.note')
  note(_what: unknown): void {}
}

const PROVIDERS = { providers: [Orders] };

function check({ context }: Pick<QueueContext, 'context'>, options?: TasksHealthOptions): TasksHealth {
  return context.get(TasksHealthIndicator).check('tasks', options).tasks;
}

describe.each(BROKERS)('health of the queue: $label', (kind) => {
  const space = brokerSpace(kind);

  it('tells that the worker claims, and that nothing waits', async () => {
    await using test = await startQueue(space, PROVIDERS);
    await until(() => check(test).claiming, 'the worker to claim');
    expect(check(test)).toEqual({
      status: 'up',
      draining: false,
      running: 0,
      waiting: 0,
      oldestAge: 0,
      claiming: true,
    });
  });

  it('tells that it does not claim while the queue is paused', async () => {
    await using test = await startQueue(space, PROVIDERS);
    await until(() => check(test).claiming, 'the worker to claim');
    await test.queue.pause();
    expect(check(test)).toMatchObject({ status: 'up', claiming: false });
    await test.queue.resume();
    await until(() => check(test).claiming, 'the worker to claim again');
  });

  it('tells that it does not claim where there is no worker, and after shutdown', async () => {
    await using idle = await startQueue(space, PROVIDERS, { worker: false });
    expect(check(idle)).toMatchObject({ status: 'up', claiming: false });
    const test = await startQueue(space, PROVIDERS);
    await until(() => check(test).claiming, 'the worker to claim');
    await test.context.close();
    expect(check(test)).toMatchObject({ status: 'down', claiming: false, draining: true });
  });

  it('tells that it does not claim while the broker fails, and that it claims again', async () => {
    await using test = await startQueue(space, PROVIDERS);
    await until(() => check(test).claiming, 'the worker to claim');
    const claim = jest.spyOn(test.broker.runs, 'claim').mockRejectedValue(new BrokerUnavailableError('It', 'down'));
    await test.queue.add('orders.note')('a'); // wakes it
    await until(() => !check(test).claiming, 'the failure to be noticed', 15_000);
    expect(check(test)).toMatchObject({ status: 'up', claiming: false });
    claim.mockRestore();
    await until(() => check(test).claiming, 'the worker to claim again', 15_000);
  });

  it('is down when an execution has waited for too long', async () => {
    await using test = await startQueue(space, PROVIDERS, { worker: false });
    const at = Date.now() - 60_000;
    const old = { key: undefined, name: 'orders.note', args: '["old"]', priority: 0, when: at, addedAt: at };
    await test.broker.executions.add([old]);
    await until(() => check(test).oldestWait !== undefined, 'a look');
    expect(check(test, { maxOldestWait: '10m' })).toMatchObject({ status: 'up', oldestWait: expect.any(Number) });
    const { status, message, oldestWait = 0 } = check(test, { maxOldestWait: '30s' });
    expect(status).toBe('down');
    expect(message).toMatch(/^an execution has waited for \d+\.\d s, and maxOldestWait is 30 s$/);
    expect(oldestWait).toBeGreaterThanOrEqual(60_000);
    await test.queue.clear();
  });
});

describe('health of the queue', () => {
  it('does not ask a broker where no durable task is declared', async () => {
    await using test = await startContext();
    expect(check(test)).not.toHaveProperty('oldestWait');
  });

  it('refuses a wait that is no duration', async () => {
    await using test = await startContext();
    expect(() => check(test, { maxOldestWait: 'long' })).toThrow(TasksConfigError);
    expect(() => check(test, { maxOldestWait: 'long' })).toThrow(/^maxOldestWait is 'long'\./);
  });
});
