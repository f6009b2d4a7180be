import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { CATALOGUE } from './catalogue.js';
import type { OrderRequest } from './order.js';

/** Checks an order. A pipe runs before the handler: what it refuses schedules nothing. */
@Injectable()
export class ParseOrderPipe implements PipeTransform<unknown, OrderRequest> {
  transform(body: unknown): OrderRequest {
    const { book, quantity, card } = (body ?? {}) as Record<string, unknown>;
    if (typeof book !== 'string' || !Object.hasOwn(CATALOGUE, book)) {
      throw new BadRequestException(`book must be one of: ${Object.keys(CATALOGUE).join(', ')}`);
    }
    if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 10) {
      throw new BadRequestException('quantity must be a whole number from 1 to 10');
    }
    if (typeof card !== 'string' || !/^\d{16}$/.test(card)) {
      throw new BadRequestException('card must have 16 digits');
    }
    return { book, quantity, card };
  }
}
