import type { IQueueBackend } from 'bullmq';
import type { Pool } from 'pg';
import { ServerClock } from '../server-clock.js';
import { TIME } from './sql.generated.js';

/** Position of the time in BullMQ's statements: their locks last by it. */
const PLACES: Readonly<Record<string, number>> = {
  move_to_active: 3,
  move_to_completed_fetch: 9,
  move_to_failed_fetch: 10,
};

interface Statements {
  run(name: string, parameters: unknown[]): Promise<unknown>;
}

/** Time of a PostgreSQL server, also for the calls that BullMQ makes with the time of the caller. */
export class PostgresClock extends ServerClock {
  constructor(pool: Pool) {
    super(async () => Number((await pool.query<{ now: string }>(TIME)).rows[0]?.now));
  }

  /** Lets the claims of a backend of BullMQ's go by this clock. */
  rule(backend: IQueueBackend): void {
    const statements = backend as unknown as Statements;
    const run = statements.run.bind(backend);
    statements.run = (name, parameters) => {
      const place = PLACES[name];
      return run(name, place === undefined ? parameters : parameters.with(place, this.nowForClaims()));
    };
  }
}
