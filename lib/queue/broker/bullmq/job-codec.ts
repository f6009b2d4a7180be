import type { JobJson, JobsOptions } from 'bullmq';

import { REASONS } from '../reasons.js';
import { readExtras, readNumber, readStored, readString } from '../stored.js';
import { decodeKey, encodeKey } from './encoded-key.js';
import { memoOf, type Memo } from './job-memo.js';
import type {
  ExecutionExtras,
  ExecutionRecord,
  ExecutionState,
  ExecutionStatus,
  NewExecution,
  ProgressRecord,
  Trail,
} from '../record.js';
import { extendTrail, recoveryOf } from '../trail.js';

/** Data of a job that hold more than arguments, such as a key too long for `deduplication.id`. */
interface Envelope extends ExecutionExtras {
  readonly $args: string;
  readonly key?: string;
}

const ENVELOPE = '{"$args":';

/** Due time in a job's options, where it is too far away for `delay` to be exact. */
interface FarTime {
  when?: string;
}

/** Longest delay that is exact, in milliseconds: Lua writes numbers with 14 digits. */
const LONGEST_EXACT = 99_999_999_999_999;

/** Returns the time at which a job was due at first, by the options that it was added with. */
function addedFor({ timestamp, opts }: JobJson): number {
  const { when } = opts as FarTime;
  const added = readNumber(timestamp) ?? 0;
  return when === undefined ? added + (readNumber(opts.delay) ?? 0) : (readNumber(Number(when)) ?? added);
}

/**
 * Creates a job for BullMQ to add.
 *
 * @param dataOf makes the data that keep a text as it is.
 */
export function jobOf(execution: NewExecution, id: string, now: number, dataOf: (text: string) => string): JobJson {
  const { key, name, args, priority, when, addedAt = now, extras } = execution;
  // Counted from the job's timestamp.
  const delay = when === undefined || when <= now ? 0 : Math.ceil(when - addedAt);
  const deduplicationId = key === undefined ? undefined : encodeKey(key);
  const isLong = deduplicationId !== undefined && decodeKey(deduplicationId) === undefined;
  const opts: JobsOptions & FarTime = {};
  if (delay > LONGEST_EXACT) opts.when = String(addedAt + delay);
  if (delay > 0) opts.delay = delay;
  if (priority > 0) opts.priority = priority;
  if (deduplicationId !== undefined) opts.deduplication = { id: deduplicationId };
  const text = isLong || extras !== undefined ? enveloped(args, isLong ? key : undefined, extras) : args;
  return {
    id,
    name,
    data: dataOf(text),
    opts,
    timestamp: addedAt,
    ...(deduplicationId !== undefined && { deduplicationId }),
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  };
}

function enveloped(args: string, key: string | undefined, extras: ExecutionExtras | undefined): string {
  const envelope: Envelope = { $args: args, ...(key !== undefined && { key }), ...extras };
  return JSON.stringify(envelope);
}

/** Returns data without arguments. @param part of the data of a job, from its long key on, where it has one. */
export function dataWith(part: string | null | undefined): string {
  const [, text] = /^"key":("(?:[^"\\]|\\.)*")/.exec(part ?? '') ?? [];
  const key = text === undefined ? undefined : readText(text);
  return key === undefined ? NO_ARGS : enveloped(NO_ARGS, key, undefined);
}

/** BullMQ reads parts of a job as JSON, and throws what its parser throws. */
function isUnreadable(error: unknown): boolean {
  return error instanceof SyntaxError || error instanceof TypeError;
}

/** BullMQ has stopped at a record that is damaged: in its reader, or in a script on Redis. */
export function isDamage(error: unknown): boolean {
  const { name, message = '' } = error as { name?: string; message?: string };
  return (
    isUnreadable(error) || (name === 'ReplyError' && /not an integer|out of range|WRONGTYPE|user_script/i.test(message))
  );
}

/** Tells whether BullMQ would stop at the job when it is moved. */
export function isDamaged(job: JobJson): boolean {
  return [job.attemptsMade, job.attemptsStarted, job.stalledCounter].some((count) => !Number.isSafeInteger(count));
}

/** Reads the record of a job. Never throws: an unreadable record has a `flaw`, and its readable parts. */
export function recordOf(job: JobJson, state: ExecutionState): ExecutionRecord {
  const memo = memoOf(job);
  const { key, args, flaw, ...content } = contentOf(job);
  const extras = memo.schedule === undefined ? content.extras : { ...content.extras, schedule: memo.schedule };
  const timestamp = readNumber(job.timestamp) ?? 0;
  const when = memo.when ?? addedFor(job);
  const progress = progressOf(job);
  // A job's last attempt is counted when it ends.
  const isEnded = job.finishedOn !== undefined;
  const attempt = countOf(job.attemptsMade) - (memo.attemptsBefore ?? 0) + (isEnded ? 0 : 1);
  const result = state === 'completed' ? resultOf(job) : undefined;
  const reason = flaw === undefined ? memo.reason : REASONS.unreadable(flaw);
  const trail = trailOf(job, memo);
  return {
    id: job.id,
    key,
    name: readString(job.name) ?? '',
    args: memo.args ?? args,
    priority: countOf(job.priority),
    state,
    when,
    since: memo.since ?? when,
    addedAt: timestamp,
    run: memo.run ?? 1,
    attempt: Math.max(1, attempt),
    starts: startsOf(job),
    ...(job.processedOn !== undefined && { startedAt: countOf(job.processedOn) }),
    ...(isEnded && { endedAt: countOf(job.finishedOn) }),
    ...(typeof job.processedBy === 'string' && { worker: job.processedBy }),
    ...(result !== undefined && { result }),
    // They are of earlier attempts.
    ...(memo.error !== undefined && state !== 'completed' && { error: memo.error }),
    ...(reason !== undefined && state !== 'completed' && { reason }),
    ...(progress !== undefined && { progress }),
    ...(trail !== undefined && { trail }),
    ...(extras !== undefined && { extras }),
    ...(flaw !== undefined && { flaw }),
  };
}

/** Returns the trail of a job. A lease that was lost since the memo was written stands in no memo yet. */
function trailOf({ stalledCounter, processedOn, processedBy }: JobJson, memo: Memo): Trail | undefined {
  const lost = countOf(stalledCounter);
  const known = Math.max(memo.lost ?? 0, memo.crashesBefore ?? 0);
  if (lost <= known || processedOn === undefined) return memo.trail;
  return extendTrail(memo.trail, recoveryOf(processedOn, lost - (memo.crashesBefore ?? 0), processedBy));
}

/** Reads the status of a job that was read without its data and its key. */
export function statusOf(job: JobJson, state: ExecutionState): ExecutionStatus {
  const { args: _args, extras: _extras, ...status } = recordOf(job, state);
  const { args } = memoOf(job);
  return { ...status, ...(args !== undefined && { args }) };
}

/** Counts the starts of a job: claims that did not make it wait. */
function startsOf(job: JobJson): number {
  return countOf(job.attemptsStarted) - (memoOf(job).unstarted ?? 0);
}

/** Maps a state of BullMQ to one of ours. */
export function stateOf(job: JobJson, state: string, now: number): ExecutionState | undefined {
  const memo = memoOf(job);
  switch (state) {
    case 'waiting':
    case 'wait':
    case 'paused':
    case 'prioritized':
      return 'queued';
    case 'delayed': {
      if (memo.isParked === true) return 'parked';
      const { when, attempt } = recordOf(job, 'scheduled');
      if (when <= now) return 'queued';
      return attempt > 1 ? 'retrying' : 'scheduled';
    }
    case 'active':
      return 'running';
    case 'completed':
      return 'completed';
    case 'failed':
      return memo.state ?? 'failed';
    default:
      return undefined;
  }
}

interface Content {
  readonly key: string;
  readonly args: string;
  readonly extras?: ExecutionExtras;
  readonly flaw?: string;
}

const NO_ARGS = '[]';

function contentOf(job: JobJson): Content {
  const { id, name, data, deduplicationId, timestamp } = job;
  const known = typeof deduplicationId === 'string' ? decodeKey(deduplicationId) : id;
  const key = known ?? id;
  if (typeof name !== 'string' || name === '') return { key, args: NO_ARGS, flaw: 'the task has no name' };
  if (readNumber(timestamp) === undefined) return { key, args: NO_ARGS, flaw: 'the time of addition is missing' };
  const text = typeof data === 'string' && data.startsWith('"') ? readText(data) : data;
  if (typeof text !== 'string') return { key, args: NO_ARGS, flaw: 'the data are not text' };
  if (known !== undefined && !text.startsWith(ENVELOPE)) return { key, args: text };
  return (
    readStored(text, (envelope) => readEnvelope(envelope, key)) ?? { key, args: NO_ARGS, flaw: 'the data are damaged' }
  );
}

function readEnvelope({ $args, key, ...rest }: Readonly<Record<string, unknown>>, known: string): Content | undefined {
  const extras = readExtras(rest);
  if (typeof $args !== 'string' || extras === undefined) return undefined;
  return { key: readString(key) ?? known, args: $args, ...(Object.keys(extras).length > 0 && { extras }) };
}

function readText(json: string): string | undefined {
  try {
    return readString(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Result as the run has stored it. What cannot be read is an error for those who ask. */
function resultOf({ returnvalue }: JobJson): string {
  return readText(String(returnvalue)) ?? UNREADABLE_RESULT;
}

const UNREADABLE_RESULT = JSON.stringify('The stored result cannot be read.');

function countOf(value: unknown): number {
  return readNumber(Number(value)) ?? 0;
}

/** Stored progress of a run, with its start, since one that has lost its lease may still go on. */
interface StoredProgress extends ProgressRecord {
  readonly start: number;
  /** Instead of a message that PostgreSQL keeps in no JSON, with NUL or half a surrogate pair: its JSON. */
  readonly escaped?: string;
}

const UNKEPT = /[\0\p{Surrogate}]/u;

/** Encodes a job's progress. */
export function storedProgress({ message, ...progress }: ProgressRecord, start: number): object {
  if (message === undefined) return { start, ...progress } satisfies StoredProgress;
  const text = UNKEPT.test(message) ? { escaped: JSON.stringify(message) } : { message };
  return { start, ...progress, ...text } satisfies StoredProgress;
}

function progressOf({ progress, attemptsStarted }: JobJson): ProgressRecord | undefined {
  const text = typeof progress === 'string' ? progress : JSON.stringify(progress ?? null);
  return readStored(text, ({ start, current, total, message, escaped }) => {
    const [done, all] = [readNumber(current), readNumber(total)];
    if (start !== attemptsStarted || done === undefined || all === undefined) return undefined;
    const shown = typeof escaped === 'string' ? readText(escaped) : readString(message);
    return { current: done, total: all, ...(shown !== undefined && { message: shown }) };
  });
}
