// Judges a run by its journals alone, and knows nothing of the library: only what it promises.
import * as additions from './additions.js';
import * as chains from './chains.js';
import * as fanIns from './fan-ins.js';
import { figuresOf } from './figures.js';
import { History } from './history.js';
import * as leftovers from './leftovers.js';
import * as processes from './processes.js';
import * as repeats from './repeats.js';

/** By name: each returns what breaks it, as `{ at, text }`. */
export const RULES = {
  lost: additions.lost,
  'ran unasked': additions.ranUnasked,
  'ran though cancelled': additions.ranCancelled,
  'ran though struck': additions.ranStruck,
  'ran too early': additions.ranEarly,
  'ran again': repeats.repeated,
  'wrong attempt': repeats.attemptsWrong,
  'keys overlapped': repeats.overlapped,
  'limit exceeded': repeats.limitExceeded,
  'poison not given up': repeats.poisonedTooOften,
  'begun though aborted': repeats.begunWithoutLease,
  'chain broken': chains.chainBroken,
  'chain lost': chains.chainLost,
  'false outcome': fanIns.outcomeFalse,
  'fan-in too early': fanIns.followedTooEarly,
  'not quiet': leftovers.notQuiet,
  'left behind': leftovers.leftBehind,
  'process ended': processes.endedByItself,
  'healthy lease lost': processes.healthyLeaseLost,
  'call unsound': processes.callUnsound,
  'recovered late': processes.recoveredLate,
  'waited for a lock': processes.waitedLong,
  deadlock: processes.deadlocked,
  'run incomplete': incomplete,
};

/** @returns findings, as `{ rule, at, text }`, by time, and what the run came to in figures. */
export function judge(entries) {
  const history = new History(entries);
  const findings = Object.entries(RULES).flatMap(([rule, find]) =>
    find(history).map((finding) => ({ rule, ...finding })),
  );
  return { findings: findings.toSorted((a, b) => a.at - b.at), figures: figuresOf(history) };
}

/** A run that was not done to its end, or in which nothing happened, shows nothing. */
function incomplete(history) {
  const missing = ['faults', 'calm', 'drain', 'forgetting', 'end'].filter(
    (phase) => history.phases[phase] === undefined,
  );
  const has = (what) => history.entries.some((entry) => entry.what === what);
  const broken = history.entries.filter(({ what }) => what === 'broken');
  const at = history.end;
  return [
    ...missing.map((phase) => ({ at, text: `phase '${phase}' was not reached` })),
    ...['fault', 'contents'].filter((what) => !has(what)).map((what) => ({ at, text: `there is no ${what}` })),
    ...(history.runs.some(({ how }) => how === 'ok') ? [] : [{ at, text: 'no run has succeeded' }]),
    ...broken.map((entry) => ({ at: entry.at, text: entry.error })),
  ];
}
