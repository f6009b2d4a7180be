import { expect, it, jest } from '@jest/globals';
import { QUIET, type Broker, type Signal } from '../../../lib/queue/broker/broker.js';
import { systemClock } from '../../../lib/queue/broker/clock.js';
import { Workers, type WorkerRecord } from '../../../lib/queue/client/workers.js';
import type { QueueLog } from '../../../lib/queue/log/queue-log.js';
import { SHORT_LEASE, describeBrokers, type BrokerSuite } from '../broker/conformance/suite.js';
import { during, until } from '../../support/until.js';

jest.setTimeout(60_000);

const MAP = `${QUIET}workers`;
const unreadable: string[] = [];
const log = { unreadable: (what: string): void => void unreadable.push(what) } as unknown as QueueLog;

/** Two processes of a fleet. */
function fleet({ broker, other }: BrokerSuite, lease = 60_000): [Workers, Workers] {
  return [new Workers(broker, systemClock, { lease }, log), new Workers(other, systemClock, { lease }, log)];
}

describeBrokers('workers', (suite) => {
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
    const [here, there] = fleet(suite);
    expect(await here.present()).toEqual([]);
    const [one, two] = [info('w-1'), info('w-2', { running: 0, tasks: [] })];
    await here.announce(one);
    await there.announce(two);
    expect((await here.present()).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([one, two]);
    const later = info('w-1', { running: 7 });
    await here.announce(later);
    await there.leave('w-2');
    expect(await there.present()).toEqual([later]);
    await here.leave('w-1');
    await here.leave('w-1');
    expect(await there.present()).toEqual([]);
  });

  it('are forgotten when they give no sign of life for two leases', async () => {
    suite.use({ lease: SHORT_LEASE });
    const [here, there] = fleet(suite, SHORT_LEASE);
    const since = performance.now();
    await here.announce(info('w-1'));
    await during(1.5 * SHORT_LEASE, async () => {
      await there.announce(info('w-2'));
      const ids = (await here.present()).map(({ id }) => id);
      // A busy machine may take longer than it is remembered.
      if (performance.now() - since < 2 * SHORT_LEASE) expect(ids).toContain('w-1');
    });
    await until(async () => {
      await there.announce(info('w-2'));
      return !(await here.present()).some(({ id }) => id === 'w-1');
    }, 'w-1 to be forgotten');
    expect((await here.present()).map(({ id }) => id)).toEqual(['w-2']);
  });

  it('that cannot be read are skipped with a line', async () => {
    const [here] = fleet(suite);
    await here.announce(info('w-1'));
    await suite.other.maps.write(MAP, 'w-2', '{"worker":{"id":"w-2"},"until":1e15}');
    await suite.other.maps.write(MAP, 'w-3', JSON.stringify({ worker: info('w-3') }));
    unreadable.length = 0;
    expect((await here.present()).map(({ id }) => id)).toEqual(['w-1']);
    expect(unreadable.toSorted()).toEqual(['worker w-2', 'worker w-3']);
  });

  it('go from the store when another announces itself, though nobody asks', async () => {
    const [here, there] = fleet(suite, SHORT_LEASE);
    await here.announce(info('w-1', { seenAt: Date.now() - 3 * SHORT_LEASE }));
    await there.announce(info('w-2'));
    const stored = await suite.broker.maps.read(MAP);
    expect([...(stored?.entries.keys() ?? [])]).toEqual(['w-2']);
  });

  it('tell nobody when they announce themselves', async () => {
    const heard: Signal[] = [];
    await suite.other.signals.subscribe((signal) => heard.push(signal));
    const [here] = fleet(suite);
    await here.announce(info('w-1'));
    await here.leave('w-1');
    await suite.broker.signals.publish({ type: 'watch', id: 'last' });
    await until(() => heard.length > 0, 'the signal');
    expect(heard).toEqual([{ type: 'watch', id: 'last' }]);
  });

  it('that never announced themselves leave without a call', async () => {
    const refusing = { maps: { erase: () => Promise.reject(new Error('unexpected')) } } as unknown as Broker;
    await expect(new Workers(refusing, systemClock, { lease: 1 }, log).leave('w-1')).resolves.toBeUndefined();
  });
});
