/** Request of a customer. */
export interface OrderRequest {
  readonly book: string;
  readonly quantity: number;
  readonly card: string;
}

/** Order as the shop keeps it. The card is not part of it: it goes to the payment gateway and nowhere else. */
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

/** Answer to an order. */
export interface PlacedOrder extends Order {
  readonly arrivesInDays: number;
}

/** The last characters of an id tell the orders of a day apart. */
export const shortId = ({ id }: Pick<Order, 'id'>): string => id.slice(-4);
