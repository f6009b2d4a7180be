import { randomUUID } from 'node:crypto';

/** A response that takes its time, and what became of it. */
export class Download {
  readonly id = randomUUID();
  readonly startedAt = new Date();
  /** Known once the response has ended. `complete`: handed to the network in full. */
  outcome: 'complete' | 'aborted' | undefined;

  constructor(readonly kind: 'report' | 'export') {}
}
