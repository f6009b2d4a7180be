import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { until } from '../stage/until.js';

@Injectable()
export class PaymentTasks {
  @Durable('payments.process')
  process(customerId: string): string {
    return `payment of ${customerId} processed`;
  }
}

export async function playHoldAndRestore({ queue, say }: Stage, { process }: PaymentTasks): Promise<void> {
  const chargebacks = { mode: 'hold', reason: 'chargebacks' } as const;
  await queue.strike(process, 'customerId', '==', '12345', chargebacks);
  for (const { task, parameter, operator, value, mode, reason } of await queue.strikes()) {
    say(`in force: ${task} by ${parameter} ${operator} '${String(value)}', ${mode}, ${reason}`);
  }
  const held = await queue.add(process, { key: 'held' })('12345');
  await until('it is held', async () => (await held.refresh()).state === 'parked');
  say(`${held.state}: ${held.reason}`);
  await queue.restore(process, 'customerId', '==', '12345');
  say(`restored: ${await held.result({ timeout: '10s' })}`);

  await queue.strike(process, 'customerId', '==', '12345', { ...chargebacks, expiresIn: '300ms' });
  const since = performance.now();
  const next = await queue.add(process)('12345');
  const result = await next.result({ timeout: '10s' });
  say(`struck for 300 ms: ${result} after ${Math.round(performance.now() - since)} ms`);
}
