import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class CustomerTasks {
  readonly timeline = new Timeline();

  @Durable('customers.process')
  async process(@ConcurrencyLimit(1) customerId: number, name: string): Promise<void> {
    await this.timeline.run(`customer ${customerId}, ${name}`, 80);
  }
}

export async function playPerCustomer({ queue, say }: Stage, { process, timeline }: CustomerTasks): Promise<void> {
  for (const name of ['first', 'second', 'third']) await queue.add(process)(1001, name);
  await queue.add(process)(2001, 'first');
  await queue.add(process)(3001, 'first');
  await queue.runUntilFinished();
  for (const line of timeline.picture()) say(line);
  say(`at most ${timeline.atOnce('1001')} at once of customer 1001, ${timeline.atOnce()} in all`);
}
