import type { Limit } from '../../../../lib/queue/broker/limit.js';
import type { Outcome } from './outcome.js';
import { LEASE } from './limiter.js';
import type { Step } from './sequence.js';

interface Stay {
  readonly pools: readonly string[];
  token: string | undefined;
  /** End of the lease; none of a waiter. */
  until: number | undefined;
}

/**
 * Tells where the rules leave the outcome open (R14 of limit.ts): one step frees slots of several pools, and an execution
 * needs slots of several. The pool that is served first then decides who gets what.
 */
export class FreedPools {
  private readonly stays = new Map<string, Stay>();

  get hasWaiters(): boolean {
    return [...this.stays.values()].some(({ until }) => until === undefined);
  }

  areSeveral(step: Step, now: number): boolean {
    if (step.type === 'renew' || step.type === 'isGranted' || step.type === 'pass') return false;
    const stays = [...this.stays];
    const needsSeveral =
      stays.some(([, { pools, until }]) => until === undefined && pools.length > 1) ||
      (step.type === 'admit' && poolsOf(step.limits).length > 1);
    if (!needsSeveral) return false;
    const expired = stays.filter(([, { until }]) => until !== undefined && until <= now);
    // Of one that leaves alone by release or admit, pools are served in the order of its limits.
    if (expired.length === 0 && step.type !== 'forget') return false;
    const leaving = stays.filter(([id]) => leavers(step).includes(id));
    return new Set([...expired, ...leaving].flatMap(([, { pools }]) => pools)).size > 1;
  }

  /** Records the outcome of a step. */
  note(step: Step, { answer, woken, pools }: Outcome, now: number): void {
    if (step.type === 'admit') {
      const { id, token } = step.candidate;
      const { type } = answer as { type: string };
      const needed = poolsOf(step.limits);
      if (type === 'admitted') this.stays.set(id, { pools: needed, token, until: now + LEASE });
      else if (type === 'waits') this.stays.set(id, { pools: needed, token: undefined, until: undefined });
    }
    if (step.type === 'renew') {
      for (const { id, token } of step.holders) {
        const stay = this.stays.get(id);
        if (stay?.until === undefined || (stay.token ?? token) !== token) continue;
        this.stays.set(id, { ...stay, token, until: now + LEASE });
      }
    }
    for (const one of woken) {
      const stay = this.stays.get(nameOf(one));
      if (stay !== undefined) this.stays.set(nameOf(one), { ...stay, until: now + LEASE });
    }
    const present = new Set(pools.flatMap(({ holders, waiters }) => [...holders, ...waiters].map(nameOf)));
    for (const id of this.stays.keys()) if (!present.has(id)) this.stays.delete(id);
  }
}

function leavers(step: Step): readonly string[] {
  if (step.type === 'forget') return step.ids;
  if (step.type === 'release') return [step.id];
  return step.type === 'admit' ? [step.candidate.id] : [];
}

function poolsOf(limits: readonly Limit[]): string[] {
  return limits.flatMap(({ type, pool }) => (type === 'concurrency' ? [pool] : []));
}

/** Ids have no spaces. */
function nameOf(member: string): string {
  return member.slice(0, member.indexOf(' '));
}
