export interface Order {
  readonly id: string;
  readonly book: string;
  readonly total: number;
}

export type OrderStep = 'charge' | 'reserve' | 'ship';

/** The key of one step of one order: there is never a second charge of it in the queue. */
export function orderKey(id: string, step: OrderStep): string {
  return `order:${id}:${step}`;
}
