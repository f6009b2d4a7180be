/** Order, as it stands in the database. */
export interface Order {
  readonly id: string;
  readonly book: string;
  readonly status: 'placed' | 'shipped';
  /** Number of times that its task has run to the end. */
  readonly runs: number;
}

/** Order, and the state of its task. */
export interface OrderView extends Order {
  /** `null` where the queue does not know it: this process has started after its end. */
  readonly task: string | null;
}

export type OrderRequest = Pick<Order, 'id' | 'book'>;

/** Returns the key of the order's task. */
export function keyOf(id: string): string {
  return `order:${id}`;
}
