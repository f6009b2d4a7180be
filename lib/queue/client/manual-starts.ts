import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QueueLog } from '../log/queue-log.js';
import { ExecutionListing, type ExecutionTarget } from './execution-listing.js';

/** Result of a call to run an execution now. */
export type ManualStart = 'started' | 'not-found' | 'not-scheduled';

/** Looks at an execution that moves meanwhile. */
const LOOKS = 3;

/** Lets executions start before their time. */
@Injectable()
export class ManualStarts {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly listing: ExecutionListing,
    private readonly log: QueueLog,
  ) {}

  /**
   * Moves an execution that is scheduled, or waits for its next attempt, to now. A chain goes on by its schedule: a cron
   * expression has its next time all the same, and an interval counts from this start.
   */
  async runNow(target: ExecutionTarget): Promise<ManualStart> {
    for (let look = 1; ; look += 1) {
      const record = await this.listing.find(target);
      if (record === undefined) return 'not-found';
      const { id, key, name, state } = record;
      if (state !== 'scheduled' && state !== 'retrying') return 'not-scheduled';
      if (await this.broker.executions.retime(record, this.clock.now())) {
        this.log.startedByHand(name, key);
        return 'started';
      }
      // Without an id, the next look could find another execution under the key.
      target = { key, id };
      if (look === LOOKS) return 'not-scheduled';
    }
  }
}
