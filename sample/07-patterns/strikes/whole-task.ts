import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { verdict } from './verdict.js';

@Injectable()
export class MaintenanceTasks {
  @Durable('orders.process')
  process(orderId: number): string {
    return `order ${orderId} processed`;
  }
}

export async function playWholeTask({ queue, say }: Stage, { process }: MaintenanceTasks): Promise<void> {
  await queue.strike(process, { reason: 'maintenance' });
  const struck = await queue.add(process)(12345);
  say(`add() says '${struck.disposition}'`);
  say(await verdict(struck));
  const error: unknown = await struck.result().catch((reason: unknown) => reason);
  say(`result() rejects with ${error instanceof Error ? error.name : 'nothing'}`);
  say(`restored: ${await queue.restore(process)}`);
  say(await verdict(await queue.add(process)(67890)));
}
