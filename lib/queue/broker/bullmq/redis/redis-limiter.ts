import type { Redis } from 'ioredis';
import { LeaseLostError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import {
  BURST_MEMORY,
  LATEST,
  type Admission,
  type Limit,
  type Limiter,
  type PoolMember,
  type PoolRecord,
  type Candidate,
} from '../../limit.js';
import type { ServerClock } from '../server-clock.js';
import { ADMIT, FORGET, POOLS, RELEASE, RENEW, SWEEP } from './lua.generated.js';

/** Number of pools that one sweep looks at. */
const POOLS_PER_SWEEP = 500;
/** Number of executions that one script forgets. */
const IDS_PER_CALL = 200;

type Script = (base: string, queue: string, ...args: (string | number)[]) => Promise<unknown>;

const SCRIPTS = {
  tasksAdmit: ADMIT,
  tasksRelease: RELEASE,
  tasksForget: FORGET,
  tasksRenew: RENEW,
  tasksSweep: SWEEP,
  tasksPools: POOLS,
};

/** Limits in keys of their own, `prefix:name/limits:…`. */
export class RedisLimiter implements Limiter {
  private readonly base: string;
  /** Prefix of BullMQ's own keys. */
  private readonly queue: string;
  private readonly scripts: Record<keyof typeof SCRIPTS, Script>;

  constructor(
    private readonly client: Redis,
    private readonly options: ResolvedQueueOptions,
    private readonly clock: ServerClock,
  ) {
    this.base = `${options.prefix}:${options.name}/limits:`;
    this.queue = `${options.prefix}:${options.name}:`;
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 2, lua });
    this.scripts = client as never; // ioredis adds them to the instance
  }

  async admit(candidate: Candidate, limits: readonly Limit[]): Promise<{ admission: Admission; woken: PoolMember[] }> {
    const { id, key, token, run, attempt, order, since } = candidate;
    const text = JSON.stringify(limits);
    const answer = await this.call(
      'tasksAdmit',
      id,
      JSON.stringify(key),
      token,
      run,
      attempt,
      order,
      text,
      BURST_MEMORY,
      since,
      LATEST,
    );
    const [type, number, at, woken] = answer as [Admission['type'] | 'lost', number, number, string[]];
    if (type === 'lost') throw new LeaseLostError(key);
    const limit = limits[number];
    const admission = {
      type,
      ...(type !== 'admitted' && { limit }),
      ...(type === 'later' && { at: this.clock.toLocal(at) }),
      ...(type === 'waits' && { ahead: at }),
    };
    return { admission: admission as Admission, woken: membersOf(woken) };
  }

  async release(id: string, token: string): Promise<PoolMember[]> {
    return membersOf(await this.call('tasksRelease', id, token));
  }

  async isGranted(id: string): Promise<boolean> {
    const text = await this.client.hget(`${this.base}tickets`, id);
    if (text === null) return false;
    const { token, line } = JSON.parse(text) as { token?: string; line?: string };
    return token === undefined && line === undefined;
  }

  async forget(ids: readonly string[]): Promise<PoolMember[]> {
    const woken: PoolMember[] = [];
    for (let from = 0; from < ids.length; from += IDS_PER_CALL) {
      woken.push(...membersOf(await this.call('tasksForget', ...ids.slice(from, from + IDS_PER_CALL))));
    }
    return woken;
  }

  async renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void> {
    if (holders.length > 0) await this.call('tasksRenew', ...holders.flatMap(({ id, token }) => [id, token]));
  }

  async sweep(): Promise<{ woken: PoolMember[]; nextAt?: number }> {
    const [nextAt, woken] = (await this.call('tasksSweep', POOLS_PER_SWEEP)) as [number, string[]];
    return { woken: membersOf(woken), ...(nextAt > 0 && { nextAt: this.clock.toLocal(nextAt) }) };
  }

  async pools(): Promise<PoolRecord[]> {
    const pools = (await this.call('tasksPools')) as [string, number, string[], string[]][];
    return pools.map(([pool, max, holders, waiters]) => ({
      pool,
      max,
      holders: pairsOf(holders),
      waiters: pairsOf(waiters),
    }));
  }

  private call(script: keyof typeof SCRIPTS, ...args: (string | number)[]): Promise<unknown> {
    return this.scripts[script](this.base, this.queue, this.options.lease, ...args);
  }
}

/** Scripts answer with ids, keys, and after how many claims they were put into the queue, if they were, in turn. */
function membersOf(answer: unknown): PoolMember[] {
  const texts = answer as string[];
  const members: PoolMember[] = [];
  for (let at = 0; at + 2 < texts.length; at += 3) {
    const [id = '', key = '""', claims = ''] = texts.slice(at, at + 3);
    members.push({ id, key: JSON.parse(key) as string, ...(claims !== '' && { queuedAfter: Number(claims) }) });
  }
  return members;
}

/** Reads the members of a pool: ids and keys in turn. */
function pairsOf(texts: readonly string[]): PoolMember[] {
  return texts.flatMap((id, at) => (at % 2 === 0 ? [{ id, key: JSON.parse(texts[at + 1] ?? '""') as string }] : []));
}
