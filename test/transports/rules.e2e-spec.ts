import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BrokerUnavailableError } from 'nestjs-tasks';
import { BROKER, type Broker } from '../../lib/queue/broker/broker.js';
import { onError } from './scenarios.js';
import { TRANSPORTS, type Reached } from './transports.js';

const isStream = (name: string): boolean => name.startsWith('server-sent');

describe.each(TRANSPORTS.map((kind) => [kind.name, kind] as const))('%s', (name, kind) => {
  let reached: Reached;
  beforeEach(async () => {
    reached = await kind.start();
  });
  afterEach(async () => {
    await reached[Symbol.asyncDispose]();
  });

  async function play(scenario: string): Promise<{ reply: string; entries: string[] }> {
    const reply = await reached.call(scenario);
    await reached.scheduler.idle();
    return { reply, entries: reached.journal.take() };
  }
  const statuses = (): string[] => reached.scenarios.tasks.map(({ status }) => status);

  it('starts immediate tasks, after-route tasks before the reply, after-response tasks after it', async () => {
    const { reply, entries } = await play('order');
    expect(reply).toBe('ok');
    expect(entries).toEqual([
      'handler',
      'immediate',
      'handler ends',
      'route 1',
      'route 2',
      'reply',
      'response 1',
      'response 2',
    ]);
  });

  it('discards both batches when the handler throws, but for tasks whose runOn says otherwise', async () => {
    const { reply, entries } = await play('throw');
    expect(reply).toBe('error');
    expect(entries.filter((entry) => entry !== 'reply')).toEqual(['immediate', 'route on error', 'response always']);
    expect(statuses()).toEqual(['succeeded', 'discarded', 'discarded', 'succeeded', 'succeeded']);
    expect(reached.scheduler.counts.discarded).toBe(2);
    expect(reached.logs.matching('was discarded: route failed')).toHaveLength(2);
  });

  it('lets a task fail alone: logged once, without harm to its siblings or the reply', async () => {
    const { reply, entries } = await play('task fails');
    expect(reply).toBe('ok');
    expect(entries).toContain('its sibling');
    expect(statuses()).toEqual(['failed', 'succeeded']);
    expect(reached.logs.matching('failed: the task fails')).toHaveLength(1);
  });

  it('runs each task in the async context in which it was scheduled', async () => {
    const { entries } = await play('context');
    expect(entries.filter((entry) => entry !== 'reply')).toEqual(Array(3).fill('scheduled here'));
  });

  it('starts at once what is added to a batch whose moment has passed', async () => {
    const { entries } = await play('late');
    expect(entries.filter((entry) => entry !== 'reply')).toEqual(['response', 'late route', 'late response']);
  });

  it('applies the decorators of the class and of the handler', async () => {
    await play('layers');
    const [task] = reached.scenarios.tasks;
    expect(task?.shielded).toBe(true);
    expect(task?.config.onError).toBe(onError);
  });

  it('survives a pipe that throws: nothing was scheduled, and the next call is served', async () => {
    expect((await play('pipe fails')).reply).toBe('error');
    expect((await play('order')).reply).toBe('ok');
  });

  it('gives each call a service of its own', async () => {
    await play('nothing');
    await play('nothing');
    const { services } = reached.scenarios;
    expect(new Set(services).size).toBe(2);
  });

  it('holds the reply until the queue has accepted, and refuses where nothing can be held', async () => {
    const broker = reached.app.get<Broker>(BROKER);
    const add = broker.executions.add.bind(broker.executions);
    broker.executions.add = async (executions) => {
      await new Promise(setImmediate);
      reached.journal.write('accepted by the broker');
      return add(executions);
    };
    const { reply, entries } = await play('enqueue');
    expect(reply).toBe(isStream(name) ? 'error' : 'ok');
    const order = entries.filter((entry) => entry !== 'accepted'); // the durable task's run, whenever
    expect(order).toEqual(isStream(name) ? ['reply'] : ['accepted by the broker', 'route', 'reply']);
  });

  it('answers with an error when the queue refuses, and starts nothing', async () => {
    if (isStream(name)) return;
    const broker = reached.app.get<Broker>(BROKER);
    broker.executions.add = () => Promise.reject(new BrokerUnavailableError('The broker', 'no answer'));
    const { reply, entries } = await play('enqueue');
    expect(reply).toBe('error');
    expect(entries.filter((entry) => entry !== 'reply')).toEqual([]);
    expect(reached.scheduler.counts).toMatchObject({ failed: 1, discarded: 1 });
  });

  it('leaves nothing behind', async () => {
    for (const scenario of ['order', 'throw', 'late']) await play(scenario);
    expect(reached.scheduler.running).toEqual([]);
    expect(isStream(name) || statuses().every((status) => status !== 'scheduled')).toBe(true);
  });
});
