import { describe, expect, it, jest } from '@jest/globals';
import { createBroker } from '../../../../lib/queue/broker/create-broker.js';
import { systemClock } from '../../../../lib/queue/broker/clock.js';
import { resolveQueueOptions } from '../../../../lib/queue/queue-options.js';
import { brokerSpace, IGNORED, SHARED_BROKERS } from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import { Proxy } from '../../faults/proxy.js';

jest.setTimeout(60_000);

const LARGE = JSON.stringify(['x'.repeat(5_000_000)]);
/** Bytes that a page of a few executions may take, with what the connections say by themselves. */
const SMALL = 100_000;
const LONG_KEY = 'k'.repeat(300);

describe.each(SHARED_BROKERS)('a list of executions with 5 MB of arguments: $label', (kind) => {
  const space = brokerSpace(kind);

  it('does not transfer them, wherever they lie, and tells the keys', async () => {
    const name = space.newQueue();
    await using direct = space.open(name, { lease: 30_000 }); // a busy machine takes its time for them
    const add = (key: string): Promise<unknown> =>
      direct.executions.add([{ key, name: 'task', args: LARGE, priority: 0, when: undefined }]);
    const claim = () => until(() => direct.runs.claim(), 'an execution that is due');
    await add('ended');
    await direct.runs.settle(await claim(), { type: 'complete', result: LARGE }, false);
    await add('of a later run');
    const at = Date.now() + 3_600_000;
    await direct.runs.settle(await claim(), { type: 'reschedule', at, args: LARGE }, false);
    await add('of a later run, cancelled');
    await direct.runs.settle(await claim(), { type: 'reschedule', at, args: LARGE }, false);
    await direct.executions.cancel('of a later run, cancelled', 'not wanted');
    await add('short');
    await add(LONG_KEY);

    await using proxy = await new Proxy(kind.url).open();
    const options = resolveQueueOptions({ ...space.options(name), url: proxy.url });
    const broker = createBroker(options, systemClock, 'w-proxy', IGNORED);
    try {
      await broker.connect();
      await broker.executions.page({}, { limit: 1 }); // whatever a first call brings
      const before = proxy.received;
      const live = await broker.executions.page({ task: 'task', keyPrefix: '' }, { limit: 10 });
      const ended = await broker.ended.page({ keyPrefix: '' }, { limit: 10, isBrief: true });
      expect(live.records.map(({ key }) => key)).toEqual(['short', LONG_KEY, 'of a later run']);
      expect(ended.records.map(({ key }) => key)).toEqual(['of a later run, cancelled', 'ended']);
      expect(proxy.received - before).toBeLessThan(SMALL * 2);
      const [record] = live.records;
      expect((await broker.executions.read(record?.id ?? '', 'short'))?.args).toBe(LARGE);
      expect(proxy.received - before).toBeGreaterThan(LARGE.length); // it does count
    } finally {
      await broker.close();
    }
    await direct.executions.clear('done');
  });
});
