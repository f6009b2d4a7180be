import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import type { OrderRequest } from './order.js';
import { OrdersStore } from './orders.store.js';

@Injectable()
export class ParseOrderPipe implements PipeTransform<unknown, OrderRequest> {
  constructor(private readonly orders: OrdersStore) {}

  transform(body: unknown): OrderRequest {
    const { id, book } = (body ?? {}) as Record<string, unknown>;
    if (typeof id !== 'string' || !/^[\w-]{1,40}$/.test(id)) {
      throw new BadRequestException('id must have 1 to 40 letters, digits or hyphens');
    }
    const books = this.orders.books();
    if (typeof book !== 'string' || !books.includes(book)) {
      throw new BadRequestException(`book must be one of: ${books.join(', ')}`);
    }
    return { id, book };
  }
}
