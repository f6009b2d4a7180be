import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { Order } from './order.js';

/** Token of the path of the file of orders. */
export const ORDERS_FILE = Symbol('ORDERS_FILE');

/**
 * Orders in a file that is only ever appended to, one change a line: a crash can cut the last line short, and nothing
 * that was written before it.
 */
@Injectable()
export class OrdersStore implements OnModuleInit {
  private readonly orders = new Map<string, Order>();
  private readonly saved = new Subject<Order>();
  private lastWrite: Promise<unknown> = Promise.resolve();

  /** Each version of each order, once it is on disk. */
  readonly saved$: Observable<Order> = this.saved.asObservable();

  constructor(@Inject(ORDERS_FILE) private readonly file: string) {}

  async onModuleInit(): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
    const text = await readFile(this.file, { encoding: 'utf8', flag: 'a+' });
    for (const line of text.split('\n')) {
      const order = parse(line);
      if (order !== undefined) this.orders.set(order.id, order);
    }
  }

  find(id: string): Order | undefined {
    return this.orders.get(id);
  }

  /** Resolves when the order is on disk. */
  async save(order: Order): Promise<void> {
    this.orders.set(order.id, order);
    // One after the other, so that the last line of an order is its latest.
    const write = this.lastWrite.then(() => appendFile(this.file, `${JSON.stringify(order)}\n`));
    this.lastWrite = write.catch(() => {}); // the next order must not fail for this one
    await write;
    this.saved.next(order);
  }

  /** @throws {Error} when there is no such order. */
  async update(id: string, change: Partial<Order>): Promise<void> {
    const order = this.orders.get(id);
    if (order === undefined) throw new Error(`There is no order ${id}`);
    await this.save({ ...order, ...change });
  }
}

function parse(line: string): Order | undefined {
  try {
    return JSON.parse(line) as Order;
  } catch {
    return undefined; // the empty end of the file, or a line that a crash has cut short
  }
}
