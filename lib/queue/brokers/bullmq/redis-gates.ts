import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import {
  BURST_MEMORY,
  type Admission,
  type Gate,
  type Gatekeeper,
  type Guest,
  type PoolRecord,
  type Visitor,
} from '../gates/gate.js';
import { ADMIT, FORGET, IS_HANDED_OVER, POOLS, RELEASE, RENEW, SWEEP } from './redis-gates.lua.js';

/** So many pools are looked at in one sweep. */
const POOLS_PER_SWEEP = 500;

type Script = (base: string, ...args: (string | number)[]) => Promise<unknown>;

const SCRIPTS = {
  tasksAdmit: ADMIT,
  tasksRelease: RELEASE,
  tasksIsHandedOver: IS_HANDED_OVER,
  tasksForget: FORGET,
  tasksRenew: RENEW,
  tasksSweep: SWEEP,
  tasksPools: POOLS,
};

/** The gates' books in keys of ours, `prefix:name/gates:…`. */
export class RedisGates implements Gatekeeper {
  private readonly base: string;
  private readonly scripts: Record<keyof typeof SCRIPTS, Script>;

  constructor(
    client: Redis,
    private readonly options: ResolvedQueueOptions,
  ) {
    this.base = `${options.prefix}:${options.name}/gates:`;
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 1, lua });
    this.scripts = client as never; // ioredis adds them to the instance
  }

  async admit(visitor: Visitor, gates: readonly Gate[]): Promise<{ admission: Admission; woken: Guest[] }> {
    const { id, key, token, run, attempt, order } = visitor;
    const text = JSON.stringify(gates);
    const answer = await this.call('tasksAdmit', id, key, token, run, attempt, order, text, BURST_MEMORY);
    const [type, number, at, woken] = answer as [Admission['type'], number, number, string[]];
    const gate = gates[number];
    const admission = { type, ...(type !== 'admitted' && { gate }), ...(type === 'later' && { at: Number(at) }) };
    return { admission: admission as Admission, woken: guestsOf(woken) };
  }

  async release(id: string, token: string): Promise<Guest[]> {
    return guestsOf(await this.call('tasksRelease', id, token));
  }

  async isHandedOver(id: string): Promise<boolean> {
    return (await this.call('tasksIsHandedOver', id)) === 1;
  }

  async forget(id: string): Promise<Guest[]> {
    return guestsOf(await this.call('tasksForget', id));
  }

  async renew(holders: readonly { readonly id: string; readonly token: string }[]): Promise<void> {
    if (holders.length > 0) await this.call('tasksRenew', ...holders.flatMap(({ id, token }) => [id, token]));
  }

  async sweep(): Promise<{ woken: Guest[]; nextAt?: number }> {
    const [nextAt, woken] = (await this.call('tasksSweep', POOLS_PER_SWEEP)) as [number, string[]];
    return { woken: guestsOf(woken), ...(nextAt > 0 && { nextAt }) };
  }

  async pools(): Promise<PoolRecord[]> {
    const pools = (await this.call('tasksPools')) as [string, number, string[], string[]][];
    return pools.map(([pool, max, holders, waiters]) => ({
      pool,
      max,
      holders: guestsOf(holders),
      waiters: guestsOf(waiters),
    }));
  }

  private call(script: keyof typeof SCRIPTS, ...args: (string | number)[]): Promise<unknown> {
    return this.scripts[script](this.base, Date.now(), this.options.lease, ...args);
  }
}

/** Scripts answer with ids and keys in turn. */
function guestsOf(answer: unknown): Guest[] {
  const texts = answer as string[];
  const guests: Guest[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) guests.push({ id: String(texts[at]), key: String(texts[at + 1]) });
  return guests;
}
