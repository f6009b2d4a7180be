import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError } from 'nestjs-tasks';
import { brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { until } from '../../support/until.js';
import { Programs } from './fleet.js';
import { Proxy } from './proxy.js';
import { Recoveries } from './recoveries.js';
import { Stage } from './stage.js';

jest.setTimeout(60_000);

/** Within which a strike is in force everywhere: a second, and what a busy machine adds. */
const STRIKE_TIME = 2_000;

const recoveries = new Recoveries();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});

afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`strikes: ${recoveries}\n`);
});

describe.each(SHARED_BROKERS)('a strike on $label', (kind) => {
  const space = brokerSpace(kind);
  const openStage = (): Stage => new Stage(programs, space.options(space.newQueue()), ['limited']);

  it.each([
    ['', false],
    [', which was not told', true],
  ])('is in force in another process within a second%s', async (_what, isHushed) => {
    await using proxy = await new Proxy(kind.url).open();
    await using stage = openStage();
    const [client, other] = await Promise.all([stage.client(), stage.work({ url: proxy.url })]);
    const add = () => other.queue.add('limited to 1')('struck');
    expect((await add()).disposition).toBe('scheduled');
    if (isHushed) proxy.hush();
    await client.queue.strike('limited to 1', 'pool', '==', 'struck');
    const struckAt = Date.now();
    await until(async () => (await add()).disposition === 'struck', 'the strike');
    expect(recoveries.note(struckAt, Date.now())).toBeLessThan(STRIKE_TIME);

    await client.queue.restore('limited to 1', 'pool', '==', 'struck');
    const restoredAt = Date.now();
    await until(async () => (await add()).disposition === 'scheduled', 'the end of the strike');
    expect(recoveries.note(restoredAt, Date.now())).toBeLessThan(STRIKE_TIME);
  });

  it('is missed by nobody who has just connected', async () => {
    await using proxy = new Proxy(kind.url);
    await using stage = openStage();
    const client = await stage.client();
    const waiting = await client.queue.add('limited to 1', { key: 'waiting' })('struck', { ms: 0 });
    await client.queue.strike('limited to 1', 'pool', '==', 'struck');
    const [late, ...fresh] = await Promise.all([
      stage.client({ url: proxy.url }),
      ...Array.from({ length: 5 }, () => stage.client()),
    ]);
    const added = await Promise.all(fresh.map(({ queue }) => queue.add('limited to 1')('struck')));
    expect(added.map(({ disposition }) => disposition)).toEqual(Array.from({ length: 5 }, () => 'struck'));
    // One that cannot know does not add.
    await expect(late.queue.add('limited to 1')('struck')).rejects.toBeInstanceOf(BrokerUnavailableError);
    await proxy.open();
    const execution = await until(
      () =>
        late.queue
          .add('limited to 1')('struck')
          .catch(() => undefined),
      'an add',
    );
    expect(execution.disposition).toBe('struck');

    await stage.work();
    await until(async () => (await waiting.refresh()).state === 'dropped', 'what was added before');
    expect(stage.journal.runs()).toEqual([]);
    await client.queue.restore('limited to 1', 'pool', '==', 'struck');
  });
});
