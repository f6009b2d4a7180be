import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Shielded } from 'nestjs-tasks';
import type { Order } from './order.js';
import { Timeline } from './stage/timeline.js';

/** In milliseconds. */
const MAIL_SERVER = 40;

/** They know of no transport, and no transport of them. */
@Injectable()
export class OrderTasks {
  constructor(private readonly timeline: Timeline) {}

  reserve({ id, count, flower }: Order): void {
    this.timeline.note('after-route', `reserves ${count} × ${flower} for order ${id}`);
  }

  /** Shutdown waits for it. */
  @Shielded()
  async sendReceipt({ id }: Order): Promise<void> {
    this.timeline.note('after-response', `sends the receipt of order ${id}`);
    await sleep(MAIL_SERVER);
    this.timeline.note('task ends', `the receipt of order ${id} was sent`);
  }

  welcome(): void {
    this.timeline.note('after-route', 'counts one watcher more');
  }

  farewell(): void {
    this.timeline.note('after-response', 'counts one watcher less');
  }
}
