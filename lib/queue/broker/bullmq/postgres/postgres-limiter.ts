import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { LeaseLostError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import {
  BURST_MEMORY,
  type Admission,
  type Limit,
  type Limiter,
  type PoolMember,
  type PoolRecord,
  type Candidate,
} from '../../limit.js';
import {
  ADMIT,
  CHECK_LIMITS,
  CREATE_LIMITS,
  FORGET,
  HAS_LIMITS,
  IS_GRANTED,
  POOLS,
  RELEASE,
  RENEW_SLOTS,
  SIGN_LIMITS,
  SWEEP,
} from './sql.generated.js';
import type { PostgresClock } from './postgres-clock.js';
import type { MigrationClient } from './migration-recorder.js';
import type { SchemaPart } from './postgres-schema.js';

/** Tells whether a schema has these functions. */
const FINGERPRINT = createHash('sha256').update(CREATE_LIMITS).digest('hex');

type Concurrency = Extract<Limit, { type: 'concurrency' }>;

/** `bigint`s come as text. */
interface AdmitRow {
  readonly outcome: Admission['type'] | 'lost';
  readonly limit_number: number | null;
  readonly due: string | null;
  readonly woken: readonly string[];
}

interface PoolRow {
  readonly pool: string;
  readonly max: string;
  readonly holders: readonly string[] | null;
  readonly holder_keys: readonly string[] | null;
  readonly waiters: readonly string[] | null;
  readonly waiter_keys: readonly string[] | null;
}

/** Limits in two tables of their own, which functions in the database keep. */
export class PostgresLimiter implements Limiter, SchemaPart {
  readonly title = 'tables and functions of limits';
  /** Last call to leave, by execution. Calls go over several connections, where a later one may overtake it. */
  private readonly leaving = new Map<string, Promise<unknown>>();

  constructor(
    private readonly pool: Pool,
    private readonly options: ResolvedQueueOptions,
    private readonly clock: PostgresClock,
  ) {}

  async isMigrated(client: MigrationClient): Promise<boolean> {
    return (await client.query(HAS_LIMITS, [FINGERPRINT])).rowCount === 1;
  }

  /** Creates the tables and functions; many processes may do so at once. */
  async migrate(client: MigrationClient): Promise<void> {
    await client.query(`${CREATE_LIMITS}\n${SIGN_LIMITS.replace('%s', FINGERPRINT)}`);
  }

  /** @throws where they are not there, or the database cannot be reached. */
  async check(client: MigrationClient): Promise<void> {
    await client.query(CHECK_LIMITS);
  }

  async admit(candidate: Candidate, limits: readonly Limit[]): Promise<{ admission: Admission; woken: PoolMember[] }> {
    const { id, key, token, run, attempt, order, since } = candidate;
    const slots = strictestOf(limits.filter((limit) => limit.type === 'concurrency'));
    const others = limits.filter((limit) => limit.type !== 'concurrency');
    await Promise.allSettled([this.leaving.get(id)]);
    const [row] = await this.call<AdmitRow>(
      ADMIT,
      BURST_MEMORY,
      id,
      encode(key),
      token,
      run,
      attempt,
      order,
      since,
      slots.map(({ pool }) => encode(pool)),
      slots.map(({ max }) => max),
      others.length === 0 ? null : JSON.stringify(others.map((limit) => ({ ...limit, pool: encode(limit.pool) }))),
    );
    if (row === undefined) throw new TypeError('nestjs_tasks_admit did not answer');
    const { outcome: type, due } = row;
    if (type === 'lost') throw new LeaseLostError(key);
    const limit = (type === 'waits' ? slots : others)[Number(row.limit_number) - 1];
    const admission = {
      type,
      ...(type !== 'admitted' && { limit }),
      ...(type === 'later' && { at: this.clock.toLocal(Number(due)) }),
    };
    // What it was handed just now it has come for already.
    return { admission: admission as Admission, woken: membersOf(row.woken).filter((member) => member.id !== id) };
  }

  release(id: string, token: string): Promise<PoolMember[]> {
    return this.leave([id], RELEASE, id, token);
  }

  async isGranted(id: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(IS_GRANTED, [this.options.name, id]);
    return rowCount === 1;
  }

  forget(ids: readonly string[]): Promise<PoolMember[]> {
    return this.leave(ids, FORGET, ids);
  }

  async renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void> {
    if (holders.length === 0) return;
    const ids = holders.map(({ id }) => id);
    const tokens = holders.map(({ token }) => token);
    await this.call(RENEW_SLOTS, ids, tokens);
  }

  async sweep(): Promise<{ woken: PoolMember[]; nextAt?: number }> {
    const [row] = await this.call<{ woken: string[]; next_at: string | null }>(SWEEP);
    const nextAt = row?.next_at ?? null;
    return { woken: membersOf(row?.woken), ...(nextAt !== null && { nextAt: this.clock.toLocal(Number(nextAt)) }) };
  }

  async pools(): Promise<PoolRecord[]> {
    await Promise.allSettled(this.leaving.values());
    const { rows } = await this.pool.query<PoolRow>(POOLS, [this.options.name]);
    return rows.map((row) => ({
      pool: decode(row.pool),
      max: Number(row.max),
      holders: row.holders?.map((id, at) => ({ id, key: decode(row.holder_keys?.[at]) })) ?? [],
      waiters: row.waiters?.map((id, at) => ({ id, key: decode(row.waiter_keys?.[at]) })) ?? [],
    }));
  }

  private async leave(ids: readonly string[], query: string, ...args: readonly unknown[]): Promise<PoolMember[]> {
    const before = ids.map((id) => this.leaving.get(id));
    const left = Promise.allSettled(before).then(() => this.call<{ woken: string[] }>(query, ...args));
    for (const id of ids) this.leaving.set(id, left);
    try {
      const [row] = await left;
      return membersOf(row?.woken);
    } finally {
      for (const id of ids) if (this.leaving.get(id) === left) this.leaving.delete(id);
    }
  }

  /** Calls a function with the server's time: the clocks of workers differ. */
  private async call<R extends object>(query: string, ...args: readonly unknown[]): Promise<R[]> {
    return (await this.pool.query<R>(query, [this.options.name, this.options.lease, ...args])).rows;
  }
}

/** Keeps the smaller of two limits with the same pool, such as of another task's scope. */
function strictestOf(limits: readonly Concurrency[]): Concurrency[] {
  const strictest = new Map<string, Concurrency>();
  for (const limit of limits) {
    if (limit.max < (strictest.get(limit.pool)?.max ?? Infinity)) strictest.set(limit.pool, limit);
  }
  return [...strictest.values()];
}

/** Text as PostgreSQL can keep it: JSON escapes NUL and half surrogate pairs. */
function encode(text: string): string {
  return JSON.stringify(text);
}

function decode(text = '""'): string {
  return JSON.parse(text) as string;
}

/** Functions answer with ids and keys in turn. */
function membersOf(texts: readonly string[] = []): PoolMember[] {
  const members: PoolMember[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) members.push({ id: String(texts[at]), key: decode(texts[at + 1]) });
  return members;
}
