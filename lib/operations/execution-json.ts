import type { ExecutionRecord, StoredError } from '../queue/broker/record.js';
import { Execution } from '../queue/client/execution.js';
import type { ErrorDetail, ErrorView, ExecutionDetail, ExecutionSummary, ProgressView } from './api.js';
import type { DeclaredTasks } from './declared-tasks.js';

/** Longest message of an error in a list, in characters. */
const LONGEST_MESSAGE = 300;

/** Renders an execution for a list, from a record that was read without its arguments. */
export function summaryOf(record: ExecutionRecord): ExecutionSummary {
  const { error } = record;
  return { ...factsOf(record), ...(error !== undefined && { error: errorOf(error) }) };
}

/** Renders one execution with its trail and lines. */
export async function detailOf(execution: Execution, declared: DeclaredTasks): Promise<ExecutionDetail> {
  const record = Execution.recordOf(execution);
  const { error } = record;
  const call = declared.callOf(record.name, () => execution.args);
  const logs = await execution.logs();
  return {
    ...factsOf(record),
    ...(call !== undefined && { call }),
    ...(error !== undefined && { error: errorDetailOf(error) }),
    trail: execution.trail.map(({ at, ...entry }) => ({ at: at.toISOString(), ...entry })),
    logs: logs.map(({ at, ...line }) => ({ at: at.toISOString(), ...line })),
  };
}

function factsOf(record: ExecutionRecord): Omit<ExecutionSummary, 'error'> {
  const { id, key, name, state, attempt, priority, when, addedAt, startedAt, endedAt, worker, reason, progress } =
    record;
  return {
    id,
    key,
    task: name,
    state,
    attempt,
    priority,
    when: timeOf(when),
    addedAt: timeOf(addedAt),
    ...(startedAt !== undefined && { startedAt: timeOf(startedAt) }),
    ...(endedAt !== undefined && { endedAt: timeOf(endedAt) }),
    ...(worker !== undefined && { worker }),
    // While it runs, the reason of its last wait is over: the trail has it.
    ...(reason !== undefined && state !== 'running' && { reason }),
    ...(progress !== undefined && { progress: progress satisfies ProgressView }),
  };
}

/** Renders a time in milliseconds since the epoch. Those beyond the last Date, of parked executions, become that. */
export function timeOf(time: number): string {
  return new Date(Math.min(time, 8.64e15)).toISOString();
}

function errorOf({ name, message }: StoredError): ErrorView {
  const isLong = message.length > LONGEST_MESSAGE;
  return { name, message: isLong ? `${message.slice(0, LONGEST_MESSAGE)}…` : message };
}

/** Leaves out the body of an HttpException: it may hold what users have sent. */
function errorDetailOf({ name, message, code, status, stack, cause, errors }: StoredError): ErrorDetail {
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: errorDetailOf(cause) }),
    ...(errors !== undefined && { errors: errors.map(errorDetailOf) }),
  };
}
