import { BURST_MEMORY, type Limit, type Candidate } from '../../../../lib/queue/broker/limit.js';
import type { Chance } from '../../faults/chance.js';
import { LEASE } from './limiter.js';

/** One call, or time that passes. No step depends on the outcome of another, so that each can be removed. */
export type Step =
  | { readonly type: 'admit'; readonly candidate: Candidate; readonly limits: readonly Limit[] }
  | { readonly type: 'release'; readonly id: string; readonly token: string }
  | { readonly type: 'forget'; readonly ids: readonly string[] }
  | { readonly type: 'renew'; readonly holders: readonly { readonly id: string; readonly token: string }[] }
  | { readonly type: 'sweep' }
  | { readonly type: 'isGranted'; readonly id: string }
  | { readonly type: 'pass'; readonly time: number };

const WINDOW = 300;
const PER = 1_000;
/** Time after which limits have forgotten, but for debounces in their window. */
const LONG = BURST_MEMORY;
/** Times that pass at once. Their sums reach the ends of windows and leases, and the millisecond before and after. */
const TIMES = [1, 1, 2, 50, WINDOW - 1, WINDOW, WINDOW, PER - 1, PER, PER, LEASE - 1, LEASE, 5_000, LONG];
/** Types of steps, each as often as its share. */
const TYPES: readonly Step['type'][] = [
  ...Array.from({ length: 9 }, () => 'admit' as const),
  ...Array.from({ length: 4 }, () => 'release' as const),
  ...Array.from({ length: 4 }, () => 'pass' as const),
  'forget',
  'renew',
  'renew',
  'sweep',
  'sweep',
  'isGranted',
];

interface Runner {
  readonly id: string;
  readonly order: string;
  readonly limits: readonly Limit[];
  since: number;
  run: number;
  attempt: number;
  claims: number;
}

/** Limits of an execution. A pool has the same times in all of them, as in the library, but not the same maximum. */
const KINDS: readonly ((chance: Chance) => Limit[])[] = [
  (chance) => some(chance, slotsOf(chance, ['x']), 1),
  (chance) => some(chance, slotsOf(chance, ['x', 'y']), 1),
  (chance) => some(chance, slotsOf(chance, ['x', 'y', 'z']), 3),
  (chance) => some(chance, windows(chance), 2),
  (chance) => [...some(chance, windows(chance), 2), ...some(chance, slotsOf(chance, ['x', 'y']), 2)],
];

/** Draws the steps of one sequence: a few executions with the same kinds of limits, in a random order of calls. */
export function draw(chance: Chance, length: number): Step[] {
  const kind = pick(chance, KINDS);
  const runners = Array.from({ length: 2 + chance.below(6) }, (_, at): Runner => {
    const id = `e${at}`;
    return { id, order: `00${at} ${id}`, limits: kind(chance), since: chance.below(4), run: 1, attempt: 1, claims: 1 };
  });
  return Array.from({ length }, () => drawStep(chance, runners, kind));
}

function drawStep(chance: Chance, runners: readonly Runner[], kind: (chance: Chance) => Limit[]): Step {
  const type = pick(chance, TYPES);
  const runner = pick(chance, runners);
  const { id, order, limits } = runner;
  switch (type) {
    case 'admit': {
      if (rarely(chance)) runner.claims += 1; // its worker has died
      const { since, run, attempt } = runner;
      const candidate = { id, key: `${id}'s "key"`, token: tokenOf(runner), run, attempt, since, order };
      return { type, candidate, limits: rarely(chance) ? kind(chance) : limits }; // another deploy has other limits
    }
    case 'release': {
      const step: Step = { type, id, token: rarely(chance) ? 'another' : tokenOf(runner) };
      runner.claims += 1;
      if (!hasRate(runner)) goOn(chance, runner);
      return step;
    }
    case 'forget': {
      const gone = rarely(chance) ? runners : [runner];
      for (const each of gone) if (hasRate(each)) goOn(chance, each);
      return { type, ids: gone.map((each) => each.id) };
    }
    case 'renew':
      return {
        type,
        holders: runners.filter(() => !rarely(chance)).map((each) => ({ id: each.id, token: tokenOf(each) })),
      };
    case 'isGranted':
      return { type, id };
    case 'pass':
      return { type, time: pick(chance, TIMES) };
    default:
      return { type: 'sweep' };
  }
}

/** Its next attempt, or its next run. */
function goOn(chance: Chance, runner: Runner): void {
  if (chance.below(3) === 0) runner.attempt += 1;
  else Object.assign(runner, { run: runner.run + 1, attempt: 1, since: runner.since + chance.below(8) });
}

/**
 * Tells whether an execution has to be forgotten before its next attempt. In the library an attempt that ran has used its
 * place; Redis forgets one place of an execution in each pool, and not those of several attempts (R20).
 */
function hasRate({ limits }: Runner): boolean {
  return limits.some(({ type }) => type === 'rate');
}

function slotsOf(chance: Chance, pools: readonly string[]): Limit[] {
  return pools.map((pool) => ({ type: 'concurrency', pool, max: rarely(chance) ? 3 : 1 + chance.below(2) }));
}

function windows(chance: Chance): Limit[] {
  return [
    { type: 'rate', pool: 'r', max: 2, per: PER, refuses: false },
    { type: 'rate', pool: 's', max: 1, per: PER, refuses: chance.below(2) === 0 },
    { type: 'cooldown', pool: 'c', window: WINDOW },
    { type: 'debounce', pool: 'd', window: WINDOW, maxWait: undefined },
    { type: 'debounce', pool: 'e', window: WINDOW, maxWait: 2 * WINDOW - 50 },
  ];
}

/** Draws from one to `most` of the limits, and keeps their order. */
function some(chance: Chance, limits: Limit[], most: number): Limit[] {
  const left = [...limits];
  const count = 1 + chance.below(most);
  while (left.length > count) left.splice(chance.below(left.length), 1);
  return left;
}

function pick<T>(chance: Chance, list: readonly T[]): T {
  return list[chance.below(list.length)] as T;
}

function rarely(chance: Chance): boolean {
  return chance.below(10) === 0;
}

function tokenOf({ id, claims }: Runner): string {
  return `${id}-${claims}`;
}
