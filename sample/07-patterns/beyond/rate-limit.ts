import { Injectable } from '@nestjs/common';
import { Durable, RateLimit } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class NotificationTasks {
  readonly timeline = new Timeline();

  @Durable('notifications.send')
  async send(@RateLimit(3, { per: '300ms' }) customerId: string, text: string): Promise<void> {
    await this.timeline.run(`${customerId} ${text}`);
  }

  @Durable('notifications.ping')
  async ping(@RateLimit(2, { per: '300ms', drop: true }) customerId: string): Promise<void> {
    await this.timeline.run(`ping ${customerId}`);
  }
}

export async function playRateLimit({ queue, say }: Stage, { send, ping, timeline }: NotificationTasks): Promise<void> {
  for (const text of ['1', '2', '3', '4', '5', '6', '7']) await queue.add(send)('ada', text);
  await queue.runUntilFinished();
  say(`3 in 300 ms: ${timeline.labels.map((label, at) => `${label} at ${timeline.starts[at]} ms`).join(', ')}`);
  const pings = await Promise.all(Array.from({ length: 4 }, () => queue.add(ping)('ada')));
  await queue.runUntilFinished();
  const states = await Promise.all(pings.map(async (execution) => (await execution.refresh()).state));
  say(`2 in 300 ms, and the rest is dropped: ${states.toSorted().join(', ')}`);
}
