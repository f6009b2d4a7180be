// What a run came to, in figures.
import { causeOfRepeat } from './causes.js';
import { recoveries } from './processes.js';

export function figuresOf(history) {
  const { entries, runs, settings } = history;
  const count = (items, test) => items.filter(test).length;
  const additions = [...history.additions.values()];
  const faults = {};
  for (const { kind } of entries.filter(({ what }) => what === 'fault')) faults[kind] = (faults[kind] ?? 0) + 1;
  const repeats = {};
  for (const group of history.runsById.values()) {
    for (const [at, next] of group.slice(1).entries()) {
      const cause = causeOfRepeat(history, group[at], next) ?? 'unexplained';
      repeats[cause] = (repeats[cause] ?? 0) + 1;
    }
  }
  const waits = entries.filter(({ what }) => what === 'wait').map(({ waited }) => waited);
  return {
    settings,
    faults,
    acknowledged: count(additions, ({ answer }) => answer === 'scheduled'),
    refused: count(additions, ({ error }) => error !== undefined),
    runs: runs.length,
    repeats,
    leasesLost: history.told.length,
    recoveries: quantiles(recoveries(history).map(({ took }) => took)),
    waits: { count: waits.length, longest: Math.max(0, ...waits) },
    deadlocks: count(entries, ({ what }) => what === 'deadlock'),
    strictShare: strictShare(history),
  };
}

/** Nearest-rank quantiles, in milliseconds. */
export function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), most: at(1) };
}

/** Share of runs of which no disturbance may have cost the lease: of these the oracle excuses nothing. */
function strictShare(history) {
  const strict = history.runs.filter((run) => history.mayLoseAt(run) === Infinity);
  return history.runs.length === 0 ? 0 : strict.length / history.runs.length;
}
