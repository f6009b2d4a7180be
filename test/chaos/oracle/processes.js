// Rules of processes, their leases and their calls.

/** A call is answered within two seconds or so when the broker is away, in milliseconds. */
const ANSWER = 5_000;
/** After which a call without any answer will never have one, in milliseconds. */
const NEVER = 15_000;
/** Of each worker; see application.js. */
const SLOTS = 10;
/** What a busy machine adds to a recovery, in milliseconds. */
const MACHINE = 1_000;

/** A process ends when it is told to, and in time. */
export function endedByItself(history) {
  const { entries, lives } = history;
  const done = new Set(entries.filter(({ what }) => what === 'done').map(({ who }) => who));
  const ended = [...lives.values()]
    .filter(
      ({ who, to, isKilled, terminatedAt }) =>
        to !== undefined && !isKilled && terminatedAt === undefined && !done.has(who),
    )
    .map(({ who, to, code, signal }) => {
      const error = entries.find((entry) => entry.what === 'uncaught' && entry.who === who)?.error;
      return {
        at: to,
        text: `${who} ended by itself (${signal ?? code})${error === undefined ? '' : `: ${error.name}: ${error.message}`}`,
      };
    });
  const uncaught = entries
    .filter(({ what, who }) => what === 'uncaught' && !ended.some(({ text }) => text.startsWith(`${who} `)))
    .map(({ at, who, error }) => ({
      at,
      text: `${who} had an error that nobody handles: ${error.name}: ${error.message}`,
    }));
  const stuck = entries
    .filter(({ what }) => what === 'stuck')
    .map(({ at, process }) => ({ at, text: `${process} did not end when it was told to` }));
  return [...ended, ...uncaught, ...stuck];
}

/** A worker that nothing was done to loses no lease. */
export function healthyLeaseLost(history) {
  const aborted = history.runs
    .filter(({ why = [] }) => why.includes('LeaseLostError'))
    .map(({ abortedAt, who, key }) => ({ at: abortedAt, who, key }));
  const seen = new Set();
  return [...history.told, ...aborted]
    .filter(({ at, who }) => !history.isDisturbed(who, at - 1.5 * history.lease, at))
    .filter(({ who, key }) => !seen.has(`${who} ${key}`) && seen.add(`${who} ${key}`))
    .map(({ at, who, key }) => ({ at, text: `${who} lost the lease of ${key} though nothing was done to it` }));
}

/** Calls end, in time, and are refused only because the broker is away. */
export function callUnsound(history) {
  return history.calls.flatMap(({ who, act, key, id, group, askedAt, answeredAt, error, took }) => {
    const name = `${act}() of ${id ?? key ?? group} by ${who}`;
    const until = history.lives.get(who)?.to ?? history.end;
    if (answeredAt === undefined) {
      return until - askedAt > NEVER ? [{ at: askedAt, text: `${name} was never answered` }] : [];
    }
    if (error === undefined) return [];
    if (error.name !== 'BrokerUnavailableError') {
      return [{ at: answeredAt, text: `${name} was refused with ${error.name}: ${error.message} (${took} ms)` }];
    }
    return took > ANSWER && !hasStalled(history, who, askedAt, answeredAt)
      ? [{ at: answeredAt, text: `${name} was refused after ${took} ms` }]
      : [];
  });
}

function hasStalled(history, who, from, to) {
  return history.entries.some(
    (entry) => entry.what === 'stall' && entry.who === who && entry.from <= to && entry.to >= from,
  );
}

/** How long what a killed worker ran took to start elsewhere, where nothing else was in its way: `{ took, next }`. */
export function recoveries(history) {
  const found = [];
  for (const runs of history.runsById.values()) {
    for (const [at, run] of runs.entries()) {
      const { isKilled, to } = history.lives.get(run.who) ?? {};
      const next = runs[at + 1];
      if (!isKilled || run.how !== undefined || next === undefined || run.max !== undefined) continue;
      if (history.isDisturbed('server', to, next.begin) || !hasHealthyWorker(history, to, next.begin)) continue;
      found.push({ at: next.begin, took: next.begin - to, next });
    }
  }
  return found;
}

/** Whether another worker was there all the time, nothing was done to it, and it had a slot when the lease was over. */
function hasHealthyWorker(history, from, to) {
  const isBusy = (who, at) => {
    const active = history.runs.filter((run) => run.who === who && run.begin <= at && run.end >= at);
    return active.length >= SLOTS - 2;
  };
  return [...history.lives.values()].some(
    (life) =>
      life.who.startsWith('worker') &&
      life.from + 2_000 <= from &&
      Math.min(life.to ?? Infinity, life.terminatedAt ?? Infinity) >= to &&
      !history.isDisturbed(life.who, from, to) &&
      !isBusy(life.who, Math.min(to, from + 2 * history.lease)),
  );
}

/** It starts within two leases. */
export function recoveredLate(history) {
  return recoveries(history)
    .filter(({ took }) => took > 2 * history.lease + MACHINE)
    .map(({ at, took, next }) => ({
      at,
      text: `${next.id} (${next.key}) started ${Math.round(took)} ms after the kill of its worker`,
    }));
}

/** No session of PostgreSQL waits for another for a second while nothing is done to anybody. */
export function waitedLong(history) {
  const names = [...new Set([...history.spans.keys(), ...history.lives.keys()])];
  return history.entries
    .filter(
      ({ what, at, waited }) => what === 'wait' && !names.some((who) => history.isDisturbed(who, at - waited, at)),
    )
    .map(({ at, waited, query, blockers }) => ({
      at,
      text: `a session waited ${waited} ms for ${blockers} others: ${query}`,
    }));
}

export function deadlocked(history) {
  return history.entries.filter(({ what }) => what === 'deadlock').map(({ at, line }) => ({ at, text: line }));
}
