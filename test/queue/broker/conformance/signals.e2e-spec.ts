import { expect, it, jest } from '@jest/globals';
import type { Signal } from '../../../../lib/queue/broker/broker.js';
import { describeBrokers, inAnHour, keyed } from './suite.js';
import { until } from '../../../support/until.js';

jest.setTimeout(60_000);

describeBrokers('signals', (suite) => {
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
