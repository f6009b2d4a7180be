import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { verdict } from './verdict.js';

@Injectable()
export class ShopTasks {
  @Durable('orders.process')
  process(_orderId: number, priority: string): string {
    return priority;
  }

  @Durable('payments.process')
  pay(customerId: string, amount: number): string {
    return `${customerId} pays ${amount}`;
  }

  @Durable('newsletters.send')
  newsletter(customerId: string | number): string {
    return `to ${customerId}`;
  }
}

export async function playByParameter({ queue, log, say }: Stage, tasks: ShopTasks): Promise<void> {
  await queue.strike(null, 'customerId', '==', '12345');
  say(await verdict(await queue.add(tasks.pay)('12345', 10)));
  say(await verdict(await queue.add(tasks.newsletter)('12345')));
  say(await verdict(await queue.add(tasks.newsletter)(12345))); // a number, which is no string
  say(`log: ${log.with('of another type')[0]?.message}`);
  await queue.restore(null, 'customerId', '==', '12345');

  await queue.strike(tasks.pay, 'amount', '>', 10_000);
  say(await verdict(await queue.add(tasks.pay)('67890', 10_001)));
  await queue.restore(tasks.pay, 'amount', '>', 10_000);

  say("by priority <= 'low', which compares characters:");
  await queue.strike(tasks.process, 'priority', '<=', 'low');
  for (const priority of ['low', 'high', 'normal']) say(await verdict(await queue.add(tasks.process)(1, priority)));
  await queue.restore(tasks.process, 'priority', '<=', 'low');
  say("by priority in ['low', 'lowest']:");
  await queue.strike(tasks.process, 'priority', 'in', ['low', 'lowest']);
  for (const priority of ['low', 'high']) say(await verdict(await queue.add(tasks.process)(1, priority)));
  await queue.restore(tasks.process, 'priority', 'in', ['low', 'lowest']);
  say(`${(await queue.strikes()).length} strikes are left in force`);
}
