// A small shop, for the blocks of the documentation to work in: what a reader's own application has. Never names of
// this library or of Nest, which blocks import themselves. Seen by the check of the documentation alone: it strips each
// `export`, which is there to keep these names out of the tests.

export declare class AppModule {}

export declare class CreateOrder {
  email: string;
  items: string[];
}

export declare class Order {
  id: string;
  email: string;
  total: number;
  items: string[];
}

export declare class OrdersService {
  create(dto: CreateOrder): Promise<Order>;
  find(id: string): Promise<Order>;
  markFailed(id: string, reason: string): Promise<void>;
}

export declare class StockService {
  reserve(orderId: string, items: string[]): Promise<void>;
}

export declare class PaymentsService {
  charge(orderId: string, total: number): Promise<void>;
  refund(orderId: string): Promise<void>;
}

export declare class MailService {
  send(to: string, subject: string): Promise<void>;
}

/** Its methods are durable tasks. */
export declare class OrderTasks {
  process(orderId: string): Promise<string>;
  remind(orderId: string): Promise<void>;
}

export declare class ErrorTracker {
  capture(error: unknown, tags: Record<string, string>): Promise<void>;
}

/** A mail to the customer. */
export declare function sendReceipt(email: string): Promise<void>;
/** A line in the audit log. */
export declare function audit(action: string, orderId: string): Promise<void>;
/** Updates the search index. */
export declare function reindex(orderId: string): Promise<void>;
