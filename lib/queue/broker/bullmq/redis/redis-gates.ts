import type { Redis } from 'ioredis';
import { LeaseLostError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import {
  BURST_MEMORY,
  LATEST,
  type Admission,
  type Gate,
  type Gatekeeper,
  type Guest,
  type PoolRecord,
  type Visitor,
} from '../../gate.js';
import type { ServerClock } from '../server-clock.js';
import { ADMIT, FORGET, POOLS, RELEASE, RENEW, SWEEP } from './lua.generated.js';

/** So many pools are looked at in one sweep. */
const POOLS_PER_SWEEP = 500;
/** So many executions are forgotten in one script. */
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

/** The gates' books in keys of ours, `prefix:name/gates:…`. */
export class RedisGates implements Gatekeeper {
  private readonly base: string;
  /** What BullMQ's own keys begin with. */
  private readonly queue: string;
  private readonly scripts: Record<keyof typeof SCRIPTS, Script>;

  constructor(
    private readonly client: Redis,
    private readonly options: ResolvedQueueOptions,
    private readonly clock: ServerClock,
  ) {
    this.base = `${options.prefix}:${options.name}/gates:`;
    this.queue = `${options.prefix}:${options.name}:`;
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 2, lua });
    this.scripts = client as never; // ioredis adds them to the instance
  }

  async admit(visitor: Visitor, gates: readonly Gate[]): Promise<{ admission: Admission; woken: Guest[] }> {
    const { id, key, token, run, attempt, order, since } = visitor;
    const text = JSON.stringify(gates);
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
    const gate = gates[number];
    const admission = {
      type,
      ...(type !== 'admitted' && { gate }),
      ...(type === 'later' && { at: this.clock.toLocal(at) }),
      ...(type === 'waits' && { ahead: at }),
    };
    return { admission: admission as Admission, woken: guestsOf(woken) };
  }

  async release(id: string, token: string): Promise<Guest[]> {
    return guestsOf(await this.call('tasksRelease', id, token));
  }

  async isHandedOver(id: string): Promise<boolean> {
    const text = await this.client.hget(`${this.base}stays`, id);
    if (text === null) return false;
    const { token, line } = JSON.parse(text) as { token?: string; line?: string };
    return token === undefined && line === undefined;
  }

  async forget(ids: readonly string[]): Promise<Guest[]> {
    const woken: Guest[] = [];
    for (let from = 0; from < ids.length; from += IDS_PER_CALL) {
      woken.push(...guestsOf(await this.call('tasksForget', ...ids.slice(from, from + IDS_PER_CALL))));
    }
    return woken;
  }

  async renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void> {
    if (holders.length > 0) await this.call('tasksRenew', ...holders.flatMap(({ id, token }) => [id, token]));
  }

  async sweep(): Promise<{ woken: Guest[]; nextAt?: number }> {
    const [nextAt, woken] = (await this.call('tasksSweep', POOLS_PER_SWEEP)) as [number, string[]];
    return { woken: guestsOf(woken), ...(nextAt > 0 && { nextAt: this.clock.toLocal(nextAt) }) };
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
function guestsOf(answer: unknown): Guest[] {
  const texts = answer as string[];
  const guests: Guest[] = [];
  for (let at = 0; at + 2 < texts.length; at += 3) {
    const [id = '', key = '""', claims = ''] = texts.slice(at, at + 3);
    guests.push({ id, key: JSON.parse(key) as string, ...(claims !== '' && { queuedAfter: Number(claims) }) });
  }
  return guests;
}

/** Those of a pool: ids and keys in turn. */
function pairsOf(texts: readonly string[]): Guest[] {
  return texts.flatMap((id, at) => (at % 2 === 0 ? [{ id, key: JSON.parse(texts[at + 1] ?? '""') as string }] : []));
}
