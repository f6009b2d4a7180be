import type { CarriedTrace, TraceHeaders } from '../../scheduler/task-tracer.js';
import {
  type AwaitedExecution,
  type ChainSchedule,
  type EndState,
  type ExecutionExtras,
  type ExecutionRecord,
  type StoredError,
  type Trail,
  type TrailRecord,
  LIVE_STATES,
} from './record.js';
import { TRAIL_LENGTH } from './trail.js';

/** Levels of causes of an error that are stored. */
export const MAX_CAUSES = 4;
/** Errors of AggregateErrors that are stored, at all levels. */
export const MAX_ERRORS = 20;
const END_STATES: ReadonlySet<unknown> = new Set<EndState>(['completed', 'failed', 'cancelled', 'dropped']);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads what is stored as JSON; never throws: a database, a colleague or another version may have written anything.
 *
 * @param read takes the parsed value. What it throws, or `undefined`, means that the value cannot be used.
 */
export function readStored<T>(text: string, read: (value: Fields) => T | undefined): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? read(value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

export function readNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function readString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function readEndState(value: unknown): EndState | undefined {
  return END_STATES.has(value) ? (value as EndState) : undefined;
}

export function readError(value: unknown, depth = 0): StoredError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, message, code, status, response, stack, cause, errors } = value as Fields;
  const known = depth < MAX_CAUSES ? readError(cause, depth + 1) : undefined;
  const readable = readNumber(status);
  return {
    name: readString(name) ?? 'Error',
    message: readString(message) ?? '',
    ...((typeof code === 'string' || readNumber(code) !== undefined) && { code: code as string | number }),
    ...(readable !== undefined && { status: readable }),
    ...(response !== undefined && { response }),
    ...(typeof stack === 'string' && { stack }),
    ...(known !== undefined && { cause: known }),
    ...(Array.isArray(errors) && { errors: readErrors(errors, depth) }),
  };
}

/** Reads the errors of an AggregateError. The last may say how many more there were. */
function readErrors(errors: readonly unknown[], depth: number): StoredError[] {
  const isDeepest = depth >= MAX_CAUSES;
  return errors.slice(0, isDeepest ? 1 : MAX_ERRORS + 1).flatMap((each) => readError(each, depth + 1) ?? []);
}

/**
 * @returns nothing where an execution says that it follows others, and not which; or that it carries something, and not
 * what: without its tenant, it must not run.
 */
export function readExtras({
  isAutomatic,
  schedule,
  isStruck,
  after,
  carried,
  trace,
}: Fields): ExecutionExtras | undefined {
  if (after !== undefined && !(Array.isArray(after) && after.every(isAwaited))) return undefined;
  if (carried !== undefined && !isCarried(carried)) return undefined;
  const known = readSchedule(schedule);
  const traced = readTrace(trace);
  return {
    ...(isAutomatic === true && { isAutomatic }),
    ...(known !== undefined && { schedule: known }),
    ...(isStruck === true && { isStruck }),
    ...(after !== undefined && { after: after as AwaitedExecution[] }),
    ...(carried !== undefined && { carried: carried as string }),
    ...(traced !== undefined && { trace: traced }),
  };
}

/** @returns nothing for what is none: an execution runs without its trace. */
function readTrace(value: unknown): CarriedTrace | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { headers, follows } = value as Fields;
  if (!areHeaders(headers)) return undefined;
  return { headers, ...(Array.isArray(follows) && { follows: follows.filter(areHeaders) }) };
}

function areHeaders(value: unknown): value is TraceHeaders {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string');
}

function isCarried(value: unknown): boolean {
  return typeof value === 'string' && readStored(value, (values) => !Array.isArray(values)) === true;
}

/** @returns nothing for what is none: then the next run decides. */
export function readSchedule(value: unknown): ChainSchedule | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { text, by, isOverridden } = value as Fields;
  if (typeof text !== 'string' || typeof by !== 'string') return undefined;
  return { text, by, ...(isOverridden === true && { isOverridden }) };
}

/** Reads a trail. Entries of another version that cannot be read are left out. */
export function readTrail(value: unknown): Trail | undefined {
  if (!Array.isArray(value)) return undefined;
  const trail = value.slice(-TRAIL_LENGTH).flatMap((entry: unknown) => readTrailRecord(entry) ?? []);
  return trail.length === 0 ? undefined : trail;
}

function readTrailRecord(value: unknown): TrailRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, type, reason, worker, times } = value as Fields;
  if (readNumber(at) === undefined || typeof type !== 'string' || typeof reason !== 'string') return undefined;
  return {
    at: at as number,
    type: type as TrailRecord['type'],
    reason,
    ...(typeof worker === 'string' && { worker }),
    ...(readNumber(times) !== undefined && { times: times as number }),
  };
}

export function isAwaited(value: unknown): value is AwaitedExecution {
  if (typeof value !== 'object' || value === null) return false;
  const { id, key, name, addedAt } = value as Fields;
  return (
    typeof id === 'string' && typeof key === 'string' && typeof name === 'string' && readNumber(addedAt) !== undefined
  );
}

const TEXTS = ['id', 'key', 'name', 'args'] as const;
const NUMBERS = ['priority', 'when', 'since', 'addedAt', 'run', 'attempt', 'starts'] as const;

/** Reads a record as it was remembered when its execution ended. */
export function readRecord(text: string): ExecutionRecord | undefined {
  return readStored(text, (value) => {
    const { state, error } = value;
    const isKnown =
      typeof state === 'string' && (END_STATES.has(state) || (LIVE_STATES as readonly string[]).includes(state));
    const isWhole =
      TEXTS.every((field) => typeof value[field] === 'string') &&
      NUMBERS.every((field) => readNumber(value[field]) !== undefined);
    if (!isKnown || !isWhole) return undefined;
    const record = value as unknown as ExecutionRecord;
    const { error: _error, trail: _trail, ...rest } = record;
    const known = readError(error);
    const trail = readTrail(value['trail']);
    return { ...rest, ...(known !== undefined && { error: known }), ...(trail !== undefined && { trail }) };
  });
}
