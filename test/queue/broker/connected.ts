import { afterEach } from '@jest/globals';
import type { TaskQueueOptions } from 'nestjs-tasks';
import type { Broker } from '../../../lib/queue/broker/broker.js';
import { createBroker } from '../../../lib/queue/broker/create-broker.js';
import { systemClock } from '../../../lib/queue/broker/clock.js';
import { resolveQueueOptions } from '../../../lib/queue/queue-options.js';
import { IGNORED } from '../../support/brokers.js';

/** What a test has opened; closed after it. */
export const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

export function connect(options: TaskQueueOptions): Broker {
  const resolved = resolveQueueOptions({ ...options, worker: { lease: 2_000 } });
  const broker = createBroker(resolved, systemClock, 'w-1', IGNORED);
  open.push(broker);
  return broker;
}

/** Why the boot stops with these options. */
export function failureOf(options: TaskQueueOptions): Promise<unknown> {
  return connect(options)
    .connect()
    .catch((error: unknown) => error);
}

/** Takes one execution from its add to its end. @returns its result, as it is stored. */
export async function runOne(broker: Broker): Promise<string | undefined> {
  const [added] = await broker.executions.add([
    { key: undefined, name: 't', args: '[1]', priority: 0, when: undefined },
  ]);
  const claim = await broker.runs.claim();
  if (claim?.record.key !== added?.key || claim === undefined) return undefined;
  await broker.runs.settle(claim, { type: 'complete', result: '[2]' }, false);
  return (await broker.executions.get(claim.record.key))?.result;
}
