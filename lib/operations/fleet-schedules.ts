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
  const chains = await Promise.all(declared.perpetual.map((task) => chainsOf(queue, task)));
  const records = chains.flat().toSorted((a, b) => a.when - b.when);
  return records.map((record) => scheduleOf(record, declared.scheduleOf(record.name)));
}

/** Lists the chains of a task. A page may be empty with more to come, where other executions are before them. */
async function chainsOf(queue: QueueControl, task: string): Promise<ExecutionRecord[]> {
  const records: ExecutionRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await queue.page({ task, states: LIVE_STATES }, { limit: LISTED - records.length, cursor });
    records.push(...page.records);
    ({ cursor } = page);
  } while (cursor !== undefined && records.length < LISTED);
  return records;
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
