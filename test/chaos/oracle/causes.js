// Causes that an oracle accepts: why an addition has not run to its end, and why a run was followed by another.

/** How often an execution may lose its process before the queue gives it up. */
const CRASH_BUDGET = 5;

/** Whether the addition was cancelled, by a call that said so or of which nobody knows what it has done. */
export function wasCancelled(history, { key, askedAt }) {
  return history.calls.some(
    (call) =>
      call.act === 'cancel' &&
      call.key === key &&
      call.answer !== 'not-found' &&
      (call.answeredAt ?? Infinity) >= askedAt,
  );
}

export function wasReplaced(history, { id, key, askedAt }) {
  return history.calls.some(
    (call) => call.act === 'replace' && call.key === key && call.id !== id && (call.answeredAt ?? Infinity) >= askedAt,
  );
}

/** From when until when each strike may be in force: `{ group, mode, from, surelyFrom, surelyTo, to }`. */
export function strikesOf(history) {
  const strikes = history.calls.filter(({ act }) => act === 'strike');
  return strikes.map((strike) => {
    const restores = history.calls.filter(
      ({ act, group, askedAt }) => act === 'restore' && group === strike.group && askedAt > strike.askedAt,
    );
    return {
      group: strike.group,
      mode: strike.mode,
      from: strike.askedAt,
      surelyFrom: strike.answer === 'struck' ? strike.answeredAt : Infinity,
      surelyTo: restores[0]?.askedAt ?? history.phases.drain ?? Infinity,
      to: restores.find(({ answer }) => answer !== undefined)?.answeredAt ?? Infinity,
    };
  });
}

/** Within which a strike, or its end, has reached every process, in milliseconds. */
export const STRIKE_TIME = 1_000;

/** Whether a strike that drops may have been in force while the addition had not run. */
export function wasDropped(history, { group, askedAt }) {
  return (
    group !== undefined &&
    strikesOf(history).some(
      (strike) => strike.group === group && strike.mode === 'drop' && strike.to + STRIKE_TIME >= askedAt,
    )
  );
}

/**
 * Whether it may have lost its worker by death so often that the queue may give it up. A worker that dies between the claim
 * and the call leaves no run; it cannot have claimed what ran elsewhere.
 */
export function hasSpentCrashes(history, { id, askedAt }) {
  const runs = history.runsById.get(id) ?? [];
  const deaths = [...history.lives.values()].filter(({ who, to, isKilled }) => {
    if (!isKilled || to === undefined || to < askedAt || !who.startsWith('worker')) return false;
    const active = runs.filter(({ begin, end }) => begin <= to && end >= to);
    return active.length === 0 || active.some((run) => run.who === who);
  });
  return deaths.length >= CRASH_BUDGET;
}

/** Why another run of the same execution may follow this one; nothing where nothing explains it. */
export function causeOfRepeat(history, run, next) {
  if (run.how === 'threw' && run.attempt < run.attempts && next.attempt === run.attempt + 1) return 'retry';
  const { terminatedAt = Infinity } = history.lives.get(run.who) ?? {};
  if (terminatedAt <= run.end && run.task !== 'shielded') return 'shutdown';
  if (history.diedAt(run) <= next.begin) return 'death';
  if (history.mayLoseAt(run) <= next.begin) return 'lease';
  return undefined;
}

export function describeRun({ id, key, who, attempt, begin, end, how }) {
  const until = end === Infinity ? '…' : end.toFixed(0);
  return `${id} (${key}) on ${who}, attempt ${attempt}, ${begin.toFixed(0)} to ${until}${how === undefined ? ' without an end' : `: ${how}`}`;
}
