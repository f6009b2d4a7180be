import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext } from 'nestjs-tasks';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue, type QueueContext } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

const tenant = new AsyncLocalStorage<string>();

/** What a listener of the signal finds around it. */
interface Found {
  readonly isActive: boolean;
  readonly name: string;
  readonly store: string | undefined;
  readonly hasReason: boolean;
}

@Injectable()
class Listening {
  static found: Found[] = [];
  static started = 0;

  constructor(readonly context: TaskContext) {}

  @Durable('listening.run')
  run(): Promise<void> {
    return this.listen();
  }

  @Durable('listening.limited', { timeout: 100 })
  limited(): Promise<void> {
    return this.listen();
  }

  listen(): Promise<void> {
    const { signal } = this.context;
    Listening.started += 1;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.context.logger.debug('stopping');
        Listening.found.push({
          isActive: this.context.isActive,
          name: this.context.task.name,
          store: tenant.getStore(),
          hasReason: this.context.signal.reason instanceof Error,
        });
        reject(this.context.signal.reason as Error);
      });
    });
  }
}

const METADATA = { providers: [Listening] };

afterEach(() => {
  Listening.found = [];
  Listening.started = 0;
});

const begun = (): Promise<unknown> => until(() => Listening.started === 1, 'the task to start');
const heard = (): Promise<unknown> => until(() => Listening.found.length === 1, 'the listener to be called', 20_000);

/** Causes of an abort, each in the context of another tenant. */
const CAUSES: Readonly<Record<string, (test: QueueContext) => unknown>> = {
  cancel: ({ queue }) => queue.cancel('k', 'enough'),
  shutdown: ({ context }) => context.close(),
  'a lost lease': ({ broker }) =>
    jest
      .spyOn(broker.runs, 'renew')
      .mockImplementation((claims) => Promise.resolve({ lost: claims, cancelled: new Map() })),
};

// Rule 8 of request tasks: what the library calls for a task runs in that task's context, whoever caused it.
describe.each(BROKERS)('a listener of a durable run on $label', (kind) => {
  const space = brokerSpace(kind);

  it.each(Object.keys(CAUSES))('runs in the context of its task on %s', async (cause) => {
    const test = await startQueue(space, METADATA, { lease: 1_500, shutdown: { gracePeriod: '2s' } });
    await tenant.run('tenant A', () => test.queue.add('listening.run', { key: 'k' })());
    await begun();
    await tenant.run('tenant B', async () => CAUSES[cause]?.(test));
    await heard();
    expect(Listening.found).toEqual([{ isActive: true, name: 'listening.run', store: undefined, hasReason: true }]);
    jest.restoreAllMocks();
    await test.queue.cancel('k').catch(() => {}); // it may have gone back to the queue
    await test.context.close();
  });

  it('runs in the context of its task on a timeout', async () => {
    await using test = await startQueue(space, METADATA);
    await tenant.run('tenant A', () => test.queue.add('listening.limited', { key: 'k' })());
    await heard();
    expect(Listening.found).toEqual([{ isActive: true, name: 'listening.limited', store: undefined, hasReason: true }]);
  });
});

describe('a listener of a request task', () => {
  const space = brokerSpace(BROKERS[0]!);

  it.each(['cancel', 'timeout', 'shutdown'])('runs in the context of its task on %s', async (cause) => {
    const test = await startQueue(space, METADATA, { worker: false });
    const { scheduler, context } = test;
    const listening = context.get(Listening);
    const config = { name: 'listener', ...(cause === 'timeout' && { timeout: 100 }) };
    const task = tenant.run('tenant A', () => scheduler.task(config).schedule(() => listening.listen()));
    await begun();
    await tenant.run('tenant B', async () => {
      if (cause === 'cancel') task.cancel('enough');
      if (cause === 'shutdown') await context.close();
    });
    await heard();
    expect(Listening.found).toEqual([{ isActive: true, name: 'listener', store: 'tenant A', hasReason: true }]);
    await context.close();
  });
});
