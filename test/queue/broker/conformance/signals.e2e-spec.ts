import { describe, expect, it, jest } from '@jest/globals';
import type { Signal, WorkerRecord } from '../../../../lib/queue/broker/broker.js';
import { SHORT_LEASE, describeBrokers, inAnHour, keyed } from './suite.js';
import { during, until } from '../../../support/until.js';

jest.setTimeout(60_000);

describeBrokers('signals', (suite) => {
  describe('workers', () => {
    function info(id: string, overrides: Partial<WorkerRecord> = {}): WorkerRecord {
      return {
        id,
        host: 'host-1',
        pid: 42,
        concurrency: 10,
        running: 3,
        tasks: ['orders.process', 'a:b', 'Zoë'],
        startedAt: Date.now() - 1_000,
        seenAt: Date.now(),
        ...overrides,
      };
    }

    it('are those that were announced and have not left', async () => {
      expect(await suite.broker.signals.workers()).toEqual([]);
      const [one, two] = [info('w-1'), info('w-2', { running: 0, tasks: [] })];
      await suite.broker.signals.announce(one);
      await suite.other.signals.announce(two);
      expect((await suite.broker.signals.workers()).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([one, two]);
      const later = info('w-1', { running: 7 });
      await suite.broker.signals.announce(later);
      await suite.other.signals.leave('w-2');
      expect(await suite.other.signals.workers()).toEqual([later]);
      await suite.broker.signals.leave('w-1');
      await suite.broker.signals.leave('w-1');
      expect(await suite.other.signals.workers()).toEqual([]);
    });

    it('are forgotten when they give no sign of life for two leases', async () => {
      suite.use({ lease: SHORT_LEASE });
      await suite.broker.signals.announce(info('w-1'));
      const since = performance.now();
      await during(1.5 * SHORT_LEASE, async () => {
        await suite.other.signals.announce(info('w-2'));
        const ids = (await suite.broker.signals.workers()).map(({ id }) => id);
        // A busy machine may take longer than it is remembered.
        if (performance.now() - since < 2 * SHORT_LEASE) expect(ids).toContain('w-1');
      });
      await until(async () => {
        await suite.other.signals.announce(info('w-2'));
        return !(await suite.broker.signals.workers()).some(({ id }) => id === 'w-1');
      }, 'w-1 to be forgotten');
      expect((await suite.broker.signals.workers()).map(({ id }) => id)).toEqual(['w-2']);
    });
  });

  describe('signals', () => {
    const watch = (id: string): Signal => ({ type: 'watch', id });

    it('reach all who have subscribed, the sender too', async () => {
      const [here, there]: [Signal[], Signal[]] = [[], []];
      await suite.broker.signals.subscribe((signal) => here.push(signal));
      await suite.other.signals.subscribe((signal) => there.push(signal));
      const signals: Signal[] = [watch('a:b'), { type: 'changed', id: '8' }, { type: 'cancel', id: '7' }];
      for (const signal of signals) await suite.broker.signals.publish(signal);
      await until(() => here.length >= 3 && there.length >= 3, 'the signals');
      expect([here, there]).toEqual([signals, signals]);
    });

    it('do not reach who has ended the subscription', async () => {
      const [ended, going]: [Signal[], Signal[]] = [[], []];
      const end = await suite.broker.signals.subscribe((signal) => ended.push(signal));
      await suite.broker.signals.subscribe((signal) => going.push(signal));
      await suite.other.signals.publish(watch('before'));
      await until(() => ended.length === 1 && going.length === 1, 'the first signal');
      end();
      await suite.other.signals.publish(watch('after'));
      await until(() => going.length === 2, 'the second signal');
      expect(ended).toEqual([watch('before')]);
    });

    it('stay in their queue', async () => {
      const [here, elsewhere]: [Signal[], Signal[]] = [[], []];
      const stranger = suite.space.open(suite.space.newQueue());
      suite.keep(stranger);
      await suite.broker.signals.subscribe((signal) => here.push(signal));
      await stranger.signals.subscribe((signal) => elsewhere.push(signal));
      await stranger.signals.publish(watch('elsewhere'));
      await suite.other.signals.publish(watch('here'));
      await until(() => here.length >= 1 && elsewhere.length >= 1, 'the signals');
      expect([here, elsewhere]).toEqual([[watch('here')], [watch('elsewhere')]]);
    });

    it('tell of an execution that was cancelled while it waited', async () => {
      const heard: Signal[] = [];
      await suite.broker.signals.subscribe((signal) => heard.push(signal));
      const id = await suite.addAs(keyed('k', 'old', { when: inAnHour() }));
      await suite.other.executions.cancel('k', 'not wanted');
      await until(() => heard.length > 0, 'the signal');
      expect(heard).toContainEqual({ type: 'changed', id });
    });
  });
});
