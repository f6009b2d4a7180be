import { noRequest } from './request-errors.js';
import type { TaskTimings } from './tasks.service.js';

/**
 * Stands in for the tasks of a request where there is none, and an error at injection would do harm: Nest makes a
 * request-scoped gateway for each client that connects, and one that cannot be made ends the process.
 */
export class RefusingTimings implements TaskTimings {
  /** @param request what Nest has as REQUEST. */
  constructor(private readonly request: unknown) {}

  get enqueuer(): never {
    return this.refuse();
  }

  get afterRoute(): never {
    return this.refuse();
  }

  get afterResponse(): never {
    return this.refuse();
  }

  start(): never {
    return this.refuse();
  }

  enqueue(): never {
    return this.refuse();
  }

  private refuse(): never {
    throw noRequest(this.request);
  }
}
