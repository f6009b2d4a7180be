import type { Pool } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { LiveFilter, LiveLook } from '../../live.js';
import type { TaskDepth } from '../../queue-depth.js';
import {
  CANCEL_TTL,
  PARKED_UNTIL,
  type Backlog,
  type BacklogListing,
  type ClearedPart,
  type EndedJobs,
  type JobName,
  type LivePart,
  type Signalled,
} from '../backlog.js';
import { CANCEL, CLEAR, CLEAR_THOROUGHLY, COUNT, FREE_KEYS, KEEP, SIGNAL } from './sql.generated.js';
import { listPostgresJobs, lookAtDelayedJobs } from './postgres-jobs.js';
import { readPostgresDepths } from './postgres-depths.js';
import { readPostgresPage } from './postgres-pages.js';
import type { PostgresSignals } from './postgres-signals.js';

/** Most jobs that one statement ends. */
const PART = 1_000;
/** Keys that one look of {@link PostgresBacklog.freeKeys} reads. */
const KEYS = 1_000;

interface EndedRow {
  readonly id: string;
  readonly has_asked: boolean;
}

interface SignalRow {
  readonly id: string | null;
  readonly name: string | null;
  readonly state: string | null;
  readonly is_replaced: boolean;
}

type Counts = Readonly<Record<'running' | 'waiting' | 'delayed' | 'due' | 'parked', number>>;

/** Backlog in BullMQ's table of jobs. */
export class PostgresBacklog implements Backlog {
  /** Key after which the next look for held keys goes on. */
  private lastKey = '';

  constructor(
    private readonly pool: Pool,
    private readonly options: ResolvedQueueOptions,
    private readonly signals: PostgresSignals,
  ) {}

  async size(): Promise<number> {
    const { running, waiting, delayed } = await this.count(0);
    return running + waiting + delayed;
  }

  async list(limit: number, looks: number): Promise<BacklogListing> {
    const { pool } = this;
    const { name } = this.options;
    const now = Date.now();
    const [counts, jobs, undecided] = await Promise.all([
      this.count(now),
      listPostgresJobs(pool, name, limit),
      lookAtDelayedJobs(pool, name, now, PARKED_UNTIL, looks),
    ]);
    return { ...counts, jobs, undecided };
  }

  page(filter: LiveFilter, look: LiveLook, now: number): Promise<LivePart> {
    return readPostgresPage(this.pool, this.options.name, filter, look, now);
  }

  depths(): Promise<TaskDepth[]> {
    return readPostgresDepths(this.pool, this.options.name);
  }

  async signal({ key, id }: JobName, reason: string): Promise<Signalled> {
    const channel = await this.signals.channelName();
    const names = [key ?? null, id?.includes('\0') === true ? null : (id ?? null)]; // no id that the database can hold
    const note = reason.replaceAll('\0', '\ufffd');
    const values = [this.options.name, ...names, note, CANCEL_TTL, channel];
    const [row] = (await this.pool.query<SignalRow>(SIGNAL, values)).rows;
    const isReplaced = row?.is_replaced === true;
    if (typeof row?.id !== 'string') return { isReplaced };
    const isRunning = row.state === 'active';
    if (isRunning && !isReplaced) await this.pool.query(KEEP, [this.options.name, row.id]);
    return { isReplaced, job: { id: row.id, name: row.name ?? '', isRunning } };
  }

  cancel(id: string, reason: string): Promise<EndedJobs> {
    return this.end(CANCEL, reason, id);
  }

  async clear(reason: string): Promise<ClearedPart> {
    const part = await this.end(CLEAR, reason, PART);
    if (part.ids.length === PART) return { ...part, isLast: false };
    // What others have locked was skipped. Some of it may go on to wait.
    const rest = await this.end(CLEAR_THOROUGHLY, reason, PART);
    return {
      ids: [...part.ids, ...rest.ids],
      candidates: [...part.candidates, ...rest.candidates],
      isLast: rest.ids.length === 0,
    };
  }

  async freeKeys(): Promise<void> {
    const { rows } = await this.pool.query<{ last: string }>(FREE_KEYS, [this.options.name, this.lastKey, KEYS]);
    this.lastKey = rows[0]?.last ?? '';
  }

  private async count(now: number): Promise<Counts> {
    const { rows } = await this.pool.query<Record<keyof Counts, string>>(COUNT, [this.options.name, now, PARKED_UNTIL]);
    const [row] = rows;
    const of = (what: keyof Counts): number => Number(row?.[what] ?? 0);
    return {
      running: of('running'),
      waiting: of('waiting'),
      delayed: of('delayed'),
      due: of('due'),
      parked: of('parked'),
    };
  }

  private async end(statement: string, reason: string, which: string | number): Promise<EndedJobs> {
    const { name, retention } = this.options;
    const values = [name, JSON.stringify(reason), Date.now(), retention.tableOf('cancelled'), which];
    const { rows } = await this.pool.query<EndedRow>(statement, values);
    return {
      ids: rows.map(({ id }) => id),
      candidates: rows.flatMap(({ id, has_asked: hasAsked }) => (hasAsked ? [id] : [])),
    };
  }
}
