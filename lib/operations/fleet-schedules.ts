import type { ExecutionRecord, LiveState } from '../queue/broker/record.js';
import { LIVE_STATES } from '../queue/broker/record.js';
import type { QueueControl } from '../queue/queue-control.js';
import type { ScheduleView } from './api.js';
import type { DeclaredTasks } from './declared-tasks.js';
import { timeOf } from './execution-json.js';

/** Chains of one task that are listed. */
const LISTED = 100;

/** Returns the chains of perpetual tasks that this process declares, by their next start. */
export async function schedulesOf(queue: QueueControl, declared: DeclaredTasks): Promise<ScheduleView[]> {
  const pages = await Promise.all(
    declared.perpetual.map((task) => queue.page({ task, states: LIVE_STATES }, { limit: LISTED })),
  );
  const records = pages.flatMap((page) => page.records).toSorted((a, b) => a.when - b.when);
  return records.map((record) => scheduleOf(record, declared.scheduleOf(record.name)));
}

function scheduleOf(record: ExecutionRecord, schedule: string | undefined): ScheduleView {
  const { name, key, state, when, startedAt, run } = record;
  return {
    task: name,
    key,
    ...(schedule !== undefined && { schedule }),
    state: state as LiveState,
    next: timeOf(when),
    ...(startedAt !== undefined && { last: timeOf(startedAt) }),
    run,
  };
}
