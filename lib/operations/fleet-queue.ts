import type { ExecutionRecord, ExecutionState } from '../queue/broker/record.js';
import type { Execution } from '../queue/client/execution.js';
import type { QueueControl } from '../queue/queue-control.js';
import type { ExecutionTarget } from './api.js';

/** Filter of a list of executions. Times are in milliseconds since the epoch. */
export interface RecordFilter {
  readonly states?: readonly ExecutionState[];
  readonly task?: string;
  readonly keyPrefix?: string;
  readonly error?: string;
  readonly worker?: string;
  readonly since?: number;
  readonly until?: number;
}

/** Queue of the fleet, as operators need it. */
export type FleetQueue = QueueControl & {
  page(
    filter: RecordFilter,
    look: { limit: number; cursor?: string },
  ): Promise<{ readonly records: readonly ExecutionRecord[]; readonly cursor?: string }>;
  count(filter: RecordFilter): Promise<number>;
  find(target: ExecutionTarget): Promise<Execution | undefined>;
  runNow(target: ExecutionTarget): Promise<string>;
  pauseState(): Promise<{ since: Date; reason?: string; by?: string } | undefined>;
};
