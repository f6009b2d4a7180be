import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { verdict } from './verdict.js';

/** Its parameters are the keys of one object, which can be struck by as well. */
interface Order {
  readonly customerId: string;
  readonly amount: number;
}

@Injectable()
export class FraudTasks {
  @Durable('orders.process')
  process(order: Order): string {
    return `${order.amount} of ${order.customerId}`;
  }
}

export async function playTaskAndParameter({ queue, say }: Stage, { process }: FraudTasks): Promise<void> {
  await queue.strike(process, 'customerId', '==', '12345');
  await queue.strike(process, 'amount', '>', 1_000);
  // Any of the two is enough.
  say(await verdict(await queue.add(process)({ customerId: '12345', amount: 500 })));
  say(await verdict(await queue.add(process)({ customerId: '67890', amount: 2_000 })));
  say(await verdict(await queue.add(process)({ customerId: '67890', amount: 500 })));
  await queue.restore(process, 'customerId', '==', '12345');
  await queue.restore(process, 'amount', '>', 1_000);
}
