import type { PoolMember, PoolRecord } from '../../../../lib/queue/broker/limit.js';
import type { LimiterUnderTest } from './limiter.js';
import type { Step } from './sequence.js';

/** Steps without effect on the pools: to read them again would only take time. */
export const CHANGES_NOTHING = new Set<Step['type']>(['pass', 'isGranted']);

/** Answer of a step, and the pools after it. Lists without an order are sorted. */
export interface Outcome {
  readonly answer: unknown;
  readonly woken: readonly string[];
  readonly pools: readonly { pool: string; max: number; holders: readonly string[]; waiters: readonly string[] }[];
}

/** Takes one step, and looks at the pools. */
export async function take(limiter: LimiterUnderTest, step: Step): Promise<Outcome> {
  const { answer = null, woken = [] } = await call(limiter, step);
  const pools = CHANGES_NOTHING.has(step.type) ? [] : await limiter.pools();
  for (const pool of pools) check(pool);
  return { answer, woken: idsOf(woken).toSorted(), pools: sorted(pools) };
}

/** Holds whatever the order of the calls, so that it finds what all limiters do wrong alike. */
function check({ pool, max, holders, waiters }: PoolRecord): void {
  if (holders.length > max) throw new Error(`${holders.length} executions hold the ${max} slots of pool ${pool}`);
  if (holders.length === 0) throw new Error(`${waiters.length} executions wait for pool ${pool}, which nobody holds`);
}

async function call(
  limiter: LimiterUnderTest,
  step: Step,
): Promise<{ answer?: unknown; woken?: readonly PoolMember[] }> {
  switch (step.type) {
    case 'admit': {
      await limiter.grant(step.candidate.id, step.candidate.token);
      const { admission, woken } = await limiter.admit(step.candidate, step.limits);
      // How many are ahead is a hint, which only Redis gives.
      return { answer: { ...admission, ahead: undefined }, woken };
    }
    case 'release':
      return { woken: await limiter.release(step.id, step.token) };
    case 'forget':
      return { woken: await limiter.forget(step.ids) };
    case 'renew':
      await limiter.renew(step.holders);
      return {};
    case 'sweep': {
      const { woken, nextAt } = await limiter.sweep();
      return { answer: nextAt, woken };
    }
    case 'isGranted':
      return { answer: await limiter.isGranted(step.id) };
    case 'pass':
      return {};
  }
}

/** Holders have no order, and pools neither. */
function sorted(pools: readonly PoolRecord[]): Outcome['pools'] {
  return pools
    .map(({ pool, max, holders, waiters }) => ({
      pool,
      max,
      holders: idsOf(holders).toSorted(),
      waiters: idsOf(waiters),
    }))
    .toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
}

/** With the keys, which must come with them. */
function idsOf(members: readonly PoolMember[]): string[] {
  return members.map(({ id, key }) => `${id} ${key}`);
}
