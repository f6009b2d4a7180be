import { noRequest } from './request-errors.js';
import type { TaskTimings } from './tasks.service.js';

/**
 * Tasks outside of a request, refused at their use, where an error at injection would do harm. Nest makes a
 * request-scoped gateway for each client that connects, and a failed one ends the process.
 */
export class RefusingTimings implements TaskTimings {
  /** @param request Nest's REQUEST. */
  constructor(private readonly request: unknown) {}

  get writer(): never {
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
