import type { Pool } from 'pg';
import type { EndedFilter, EndedLook } from '../../ended.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { EndState } from '../../record.js';
import {
  needleOf,
  readPosition,
  writePosition,
  type EndedIndex,
  type EndedPart,
  type FailedJobs,
  type Revival,
  type Revived,
} from '../ended-index.js';
import { encodePrefix } from '../encoded-key.js';
import { seenOf, summarizedOf, type JobRow } from './postgres-jobs.js';
import type { SideStore } from '../side-store.js';
import type { MigrationClient } from './migration-recorder.js';
import type { SchemaPart } from './postgres-schema.js';
import {
  CREATE_FAILURE_INDEX,
  EXPIRE,
  EXPIRE_KEPT,
  FAILURE_GROUPS,
  FORGET_ENDED,
  HAS_FAILURE_INDEX,
  IS_KEPT,
  KEEP_ENDED,
  LIST_ENDED,
  REVIVE,
  SUMMARIZE_ENDED,
} from './sql.generated.js';

/** Jobs that one statement removes at most. */
const PART = 1_000;

/** Ended jobs in BullMQ's table. An index of ours has the groups of failures. */
export class PostgresEnded implements EndedIndex, SchemaPart {
  readonly title = 'index of failures';
  constructor(
    private readonly pool: Pool,
    private readonly options: ResolvedQueueOptions,
    private readonly store: Pick<SideStore, 'setNote' | 'getNotes'>,
  ) {}

  async isMigrated(client: MigrationClient): Promise<boolean> {
    return (await client.query(HAS_FAILURE_INDEX)).rowCount === 1;
  }

  async migrate(client: MigrationClient): Promise<void> {
    await client.query(CREATE_FAILURE_INDEX);
  }

  /** Does nothing: without its index, groups are counted more slowly. */
  check(): Promise<void> {
    return Promise.resolve();
  }

  async look(filter: EndedFilter, { limit, cursor, isBrief = false }: EndedLook): Promise<EndedPart> {
    const { states, task, keyPrefix, error, worker, since, until } = filter;
    const from = cursor === undefined ? undefined : readPosition(cursor);
    const { rows } = await this.query<JobRow>(isBrief ? SUMMARIZE_ENDED : LIST_ENDED, [
      limit,
      from?.endedAt ?? null,
      from?.id ?? null,
      since === undefined ? null : Math.ceil(since),
      until === undefined ? null : Math.floor(until),
      states ?? null,
      task ?? null,
      keyPrefix === undefined ? null : encodePrefix(keyPrefix),
      error === undefined ? null : needleOf(error),
      worker ?? null,
    ]);
    const jobs = rows.map(isBrief ? summarizedOf : seenOf);
    const last = jobs.at(-1)?.job;
    if (last === undefined || jobs.length < limit) return { jobs };
    return { jobs, cursor: writePosition({ endedAt: last.finishedOn ?? 0, id: last.id }) };
  }

  async groups(since: number): Promise<FailedJobs[]> {
    const { rows } = await this.query<JobRow & { count: string; first: string; last: string }>(FAILURE_GROUPS, [
      Math.ceil(since),
    ]);
    return rows.map((row) => ({
      count: Number(row.count),
      first: Number(row.first),
      last: Number(row.last),
      example: seenOf(row),
    }));
  }

  async revive(id: string, { endedAt, memo }: Revival): Promise<Revived> {
    const { rows } = await this.query<{ is_same: boolean | null; is_revived: boolean; is_there: boolean }>(REVIVE, [
      id,
      endedAt,
      memo,
    ]);
    const [row] = rows;
    if (row?.is_revived === true) return 'revived';
    if (row?.is_same === true) return 'taken';
    return row?.is_there === true ? 'changed' : 'gone';
  }

  async forget(id: string, until: number): Promise<boolean> {
    return (await this.query(FORGET_ENDED, [id, until === Infinity ? null : Math.floor(until)])).rowCount === 1;
  }

  pointTo(key: string, id: string, retention: number): Promise<void> {
    return this.store.setNote('ended', key, id, retention);
  }

  async lastOf(key: string): Promise<string | undefined> {
    return (await this.store.getNotes('ended', [key]))[0];
  }

  async keep(id: string, until: number): Promise<void> {
    await this.query(KEEP_ENDED, [id, Math.ceil(until)]);
  }

  async isKept(id: string): Promise<boolean> {
    return (await this.query(IS_KEPT, [id])).rowCount === 1;
  }

  async expire(state: EndState, from: number, to: number): Promise<void> {
    const jobState = state === 'completed' ? state : 'failed';
    const values = [jobState, state, Math.floor(from), Math.floor(to), PART];
    while ((await this.query(EXPIRE, values)).rowCount === PART);
  }

  async expireKept(): Promise<void> {
    while ((await this.query(EXPIRE_KEPT, [PART])).rowCount === PART);
  }

  /** `$1` is the queue's name. */
  private query<R extends object>(text: string, values: readonly unknown[]) {
    return this.pool.query<R>(text, [this.options.name, ...values]);
  }
}
