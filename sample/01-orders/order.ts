/** What a customer asks for. */
export interface OrderRequest {
  readonly book: string;
  readonly quantity: number;
  readonly card: string;
}

/** What the shop knows of an order. The card is not part of it: it goes to the payment gateway and nowhere else. */
export interface Order {
  readonly id: string;
  readonly book: string;
  readonly quantity: number;
  readonly total: number;
  readonly status: 'processing' | 'paid' | 'refunded';
  readonly stock?: 'reserved' | 'sold out';
  readonly mailed?: boolean;
  /** Per partner: told, or why not. */
  readonly partners?: Readonly<Record<string, string>>;
}

/** The last characters of an id tell the orders of a day apart. */
export const shortId = ({ id }: Pick<Order, 'id'>): string => id.slice(-4);
