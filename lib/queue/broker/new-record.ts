/** Creates the record of an execution that has not been started yet. */
import type { ExecutionExtras, ExecutionRecord, NewExecution } from './record.js';
export function newRecord(id: string, key: string, execution: NewExecution, now: number): ExecutionRecord {
  const { name, args, priority, addedAt = now, when = addedAt, extras } = execution;
  const record: ExecutionRecord & { extras?: ExecutionExtras } = {
    id,
    key,
    name,
    args,
    priority,
    state: when > now ? 'scheduled' : 'queued',
    when,
    since: when,
    addedAt,
    run: 1,
    attempt: 1,
    starts: 0,
  };
  if (extras !== undefined) record.extras = extras;
  return record;
}
