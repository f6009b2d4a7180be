import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Broker } from '../../../../lib/queue/broker/broker.js';
import { BrokerUnavailableError } from '../../../../lib/queue/broker/queue-errors.js';
import { IGNORED, SHARED_BROKERS, type BrokerLabel } from '../../../support/brokers.js';
import { createBroker } from '../../../../lib/queue/broker/create-broker.js';
import { describeBrokers, job, keyed } from './suite.js';
import { during } from '../../../support/until.js';
import { resolveQueueOptions } from '../../../../lib/queue/queue-options.js';
import { systemClock } from '../../../../lib/queue/broker/clock.js';

jest.setTimeout(60_000);

describeBrokers('connection', (suite) => {
  describe('queues', () => {
    it('have nothing in common but the broker', async () => {
      const stranger = suite.space.open(suite.space.newQueue());
      suite.keep(stranger);
      await suite.bring('k', 'queued');
      expect(await stranger.executions.get('k')).toBeUndefined();
      expect(await stranger.runs.claim()).toBeUndefined();
      expect(await stranger.executions.add([keyed('k', 'theirs')])).toMatchObject([{ key: 'k', isNew: true }]);
      expect(await stranger.executions.clear('all must go')).toBe(1);
      expect(await suite.runAll()).toEqual(['old']);
    });
  });

  describe('connection', () => {
    it('is made by connect(), again and again', async () => {
      await suite.broker.connect();
      await Promise.all([suite.broker.connect(), suite.broker.connect()]);
      expect(await suite.broker.executions.size()).toBe(0);
    });

    it('is made by whatever is called first, by all at the same time', async () => {
      const fresh = suite.open();
      const [added, found, , map] = await Promise.all([
        fresh.executions.add([keyed('k')]),
        fresh.executions.get('nobody'),
        fresh.runs.recover(),
        fresh.maps.read('m'),
      ]);
      expect([added, found, map?.entries]).toMatchObject([[{ key: 'k', isNew: true }], undefined, new Map()]);
    });

    it('is let go of once, whether it was made or not', async () => {
      await suite.broker.connect();
      const unused = suite.open();
      const closings = [suite.broker.close(), suite.broker.close(), unused.close(), unused.close()];
      expect(await Promise.all(closings)).toEqual([undefined, undefined, undefined, undefined]);
    });

    it('is let go of while somebody waits for work, who waits no longer', async () => {
      await suite.broker.connect();
      const waiting = suite.broker.runs.waitForWork(new AbortController().signal);
      await during(50, () => {});
      await suite.broker.close();
      const [end] = await Promise.allSettled([waiting]);
      expect(end.status).toBe('fulfilled');
    });

    it('has a name, and says whether it is shared', () => {
      expect(suite.broker.label).toMatch(/\w/);
      expect(suite.broker.isShared).toBe(suite.kind.isShared);
    });
  });
});

/** Where nobody listens. A loop, since `describe.each` takes no empty table. */
const NOBODY_HOME: Readonly<Partial<Record<BrokerLabel, string>>> = {
  redis: 'redis://user:secret@127.0.0.1:1',
  postgres: 'postgres://user:secret@127.0.0.1:1/test',
};

for (const { label } of SHARED_BROKERS) {
  describe(`the broker: ${label}, when it cannot be reached`, () => {
    let broker: Broker;
    beforeEach(() => {
      broker = createBroker(resolveQueueOptions({ url: NOBODY_HOME[label] }), systemClock, 'w-1', IGNORED);
    });
    afterEach(() => broker.close());

    it('says so soon in every call, and keeps the password to itself', async () => {
      const calls: Readonly<Record<string, Promise<unknown>>> = {
        connect: broker.connect(),
        add: broker.executions.add([job()]),
        replace: broker.executions.replace(keyed('k')),
        cancel: broker.executions.cancel('k', 'why not'),
        get: broker.executions.get('k'),
        find: broker.executions.find('id', 'k'),
        list: broker.executions.list(1),
        clear: broker.executions.clear('why not'),
        claim: broker.runs.claim(),
        recover: broker.runs.recover(),
        wake: broker.runs.wake('k'),
        read: broker.maps.read('m'),
        write: broker.maps.write('m', 'f', 'v'),
        publish: broker.signals.publish({ type: 'watch', id: 'k' }),
        subscribe: broker.signals.subscribe(() => {}),
      };
      const start = performance.now();
      const outcomes = await Promise.allSettled(Object.values(calls));
      expect(performance.now() - start).toBeLessThan(6_000);
      const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown));
      const names = Object.keys(calls);
      expect(names.filter((_name, at) => !(reasons[at] instanceof BrokerUnavailableError))).toEqual([]);
      for (const reason of reasons) expect((reason as Error).message).not.toContain('secret');
    });

    it('says so each time', async () => {
      await expect(broker.connect()).rejects.toThrow(BrokerUnavailableError);
      await expect(broker.executions.add([job()])).rejects.toThrow(BrokerUnavailableError);
      await expect(broker.executions.add([job()])).rejects.toThrow(BrokerUnavailableError);
    });
  });
}
