// Rules of perpetual tasks. Each run carries its number, which it hands on to the next one.
import { describeRun } from './causes.js';
import { groupBy } from './history.js';

const chainsOf = (history) =>
  groupBy(
    history.runs.filter(({ chain }) => chain !== undefined),
    ({ chain }) => chain,
  );

/** The numbers of a chain go up by one, from run to run. A zombie may still be at an older one. */
export function chainBroken(history) {
  return [...chainsOf(history)].flatMap(([chain, runs]) =>
    runs.slice(1).flatMap((next, at) => {
      const before = Math.max(...runs.slice(0, at + 1).map(({ number }) => number));
      if (next.number === before || next.number === before + 1) return [];
      if (next.number < before && history.mayLoseAt(next) === next.begin) return [];
      // An automatic one is dropped when no worker has shown itself for two leases, and begins again.
      const isAgain = chain === 'automatic' && next.number === 0;
      if (isAgain && history.wasWithoutWorkers(2 * history.lease, runs[at].begin, next.begin)) return [];
      return [{ at: next.begin, text: `chain ${chain} went from ${before} to ${next.number}: ${describeRun(next)}` }];
    }),
  );
}

/** Each chain that was begun still goes on when the faults are over. */
export function chainLost(history) {
  const { lease, every, automaticEvery } = history.settings;
  const { drain = history.end } = history.phases;
  const begun = [...history.additions.values()].filter(({ task, answer }) => task === 'tick' && answer === 'scheduled');
  const expected = [...begun.map(({ id }) => [id, every]), ['automatic', automaticEvery]];
  const chains = chainsOf(history);
  return expected.flatMap(([chain, interval]) => {
    const last = (chains.get(chain) ?? []).findLast(({ begin }) => begin <= drain);
    // Time for the recovery of one whose worker has just died.
    if (last !== undefined && last.begin >= drain - interval - 2 * lease - 1_000) return [];
    return [
      {
        at: drain,
        text: `chain ${chain} stood still when the faults were over: ${last === undefined ? 'no run' : describeRun(last)}`,
      },
    ];
  });
}
