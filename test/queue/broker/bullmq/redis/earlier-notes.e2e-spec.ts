import { createHash } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Broker } from '../../../../../lib/queue/broker/broker.js';
import { BROKERS, brokerSpace } from '../../../../support/brokers.js';
import { until } from '../../../../support/until.js';
import { COMPLETE, keyed } from '../../conformance/suite.js';

jest.setTimeout(30_000);

/** Earlier versions have noted by key, in a text for each, which execution was the last to have it. */
describe.each(BROKERS.filter(({ label }) => label === 'redis'))('notes of an earlier version: $label', (kind) => {
  const space = brokerSpace(kind);
  const bucketOf = (key: string): string => createHash('sha1').update(key).digest('hex').slice(0, 3);

  async function end(broker: Broker, key: string): Promise<string> {
    const [added] = await broker.executions.add([keyed(key)]);
    await broker.runs.settle(await until(() => broker.runs.claim(), key), COMPLETE, false);
    return added?.id ?? '';
  }

  it('lead to what has ended in its workers', async () => {
    const queue = space.newQueue();
    await using broker = space.open(queue);
    const redis = new Redis(kind.url);
    const ours = `${space.prefix}:${queue}/ended:`;
    const first = await end(broker, 'k');
    await redis.hdel(ours + bucketOf('k'), 'k');
    expect(await broker.executions.get('k')).toBeUndefined();
    await redis.set(`${ours}k`, first, 'EX', 60);
    expect(await broker.executions.get('k')).toMatchObject({ id: first, state: 'completed' });
    const second = await end(broker, 'k');
    expect((await broker.executions.get('k'))?.id).toBe(second);
    await redis.quit();
  });

  it('stop nothing where one has the name of a bucket', async () => {
    const queue = space.newQueue();
    await using broker = space.open(queue);
    const redis = new Redis(kind.url);
    const bucket = bucketOf('k');
    await redis.set(`${space.prefix}:${queue}/ended:${bucket}`, 'an id', 'EX', 60);
    expect(await broker.executions.get('k')).toBeUndefined();
    const id = await end(broker, 'k');
    expect((await broker.executions.get('k'))?.id).toBe(id);
    expect(await broker.executions.get(bucket)).toBeUndefined();
    await redis.quit();
  });
});
