import { Injectable } from '@nestjs/common';
import { Durable, Logged } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';

const CARD = '4111 1111 1111 1111';

@Injectable()
export class LoggedPaymentTasks {
  @Durable('payments.process')
  process(@Logged() customerId: string, card: string, @Logged() amount = 0, @Logged() traceId = 'unknown'): string {
    return `${customerId} ${card.slice(-4)} ${amount} ${traceId}`;
  }
}

export async function playLoggedArguments({ queue, log, say }: Stage, tasks: LoggedPaymentTasks): Promise<void> {
  const execution = await queue.add(tasks.process, { key: 'payment:1' })('12345', CARD, 150, 'abc-123');
  await execution.result({ timeout: '10s' });
  for (const { level, message } of log.with('payment:1')) say(`${level}: ${message}`);
  say(`the number of the card is in ${log.with(CARD).length} of ${log.lines.length} lines`);
}
