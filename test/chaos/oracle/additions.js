// Rules of what was added: it runs to an end unless somebody has seen to it that it does not.
import {
  describeRun,
  hasSpentCrashes,
  STRIKE_TIME,
  strikesOf,
  wasCancelled,
  wasDropped,
  wasReplaced,
} from './causes.js';

/** Of what clocks and timers may differ, in milliseconds. */
const PRECISION = 50;

/** Time for which a signal may be on its way to a worker that is about to call a function, in milliseconds. */
const SIGNAL_TIME = 250;

const hasEnded = ({ how, attempt, attempts }) => how === 'ok' || (how === 'threw' && attempt >= attempts);

/** Every addition that was acknowledged ran to an end, or was cancelled, replaced or struck. */
export function lost(history) {
  return [...history.additions.values()]
    .filter(({ answer, task }) => answer === 'scheduled' && task !== 'tick' && task !== 'poison')
    .filter((addition) => {
      const runs = history.runsById.get(addition.id) ?? [];
      if (runs.some(hasEnded)) return false;
      return !(
        wasCancelled(history, addition) ||
        wasReplaced(history, addition) ||
        wasDropped(history, addition) ||
        hasSpentCrashes(history, addition)
      );
    })
    .map(({ id, key, task, askedAt }) => {
      const runs = (history.runsById.get(id) ?? []).map(describeRun).join('; ');
      const failure = history.entries.find(
        (entry) => entry.what === 'failed' && entry.key === key && entry.at >= askedAt,
      )?.error;
      const told = failure === undefined ? '' : `; the queue says ${failure.name}: ${failure.message}`;
      return {
        at: askedAt,
        text: `${task} ${id} (${key}) was acknowledged and not run to an end: ${runs || 'no run'}${told}`,
      };
    });
}

/** What was not added does not run. */
export function ranUnasked(history) {
  return history.runs
    .filter(({ id, chain }) => {
      if (chain !== undefined) return false;
      const { answer, mode } = history.additions.get(id) ?? { answer: 'never asked' };
      // One that was struck may be held, and runs when that is restored.
      return answer !== undefined && answer !== 'scheduled' && !(answer === 'struck' && mode !== 'drop');
    })
    .map((run) => ({
      at: run.begin,
      text: `ran although add() said '${history.additions.get(run.id)?.answer ?? 'nothing'}': ${describeRun(run)}`,
    }));
}

/** What was cancelled does not begin any more. */
export function ranCancelled(history) {
  const findings = [];
  for (const cancel of history.calls) {
    if (cancel.act !== 'cancel' || !['cancelled', 'signalled'].includes(cancel.answer)) continue;
    for (const run of history.runs) {
      if (run.key !== cancel.key || run.begin <= cancel.answeredAt) continue;
      const addition = history.additions.get(run.id.split('+')[0]);
      if (addition === undefined || (addition.answeredAt ?? Infinity) > cancel.askedAt) continue;
      if (history.mayLoseAt(run) === run.begin) continue; // what it had claimed before it stood still
      const isStopped = run.abortedAt !== undefined && run.abortedAt - cancel.answeredAt < SIGNAL_TIME;
      if (cancel.answer === 'signalled' && isStopped) continue; // claimed before, and then told to stop
      findings.push({
        at: run.begin,
        text: `began ${Math.round(run.begin - cancel.answeredAt)} ms after cancel() said '${cancel.answer}': ${describeRun(run)}`,
      });
    }
  }
  return findings;
}

/** Nothing begins while a strike on it is in force. */
export function ranStruck(history) {
  const findings = [];
  for (const { group, mode, surelyFrom, surelyTo } of strikesOf(history)) {
    for (const run of history.runs) {
      if (run.group !== group || run.begin < surelyFrom + STRIKE_TIME || run.begin > surelyTo) continue;
      if (history.isDisturbed(run.who, surelyFrom, run.begin)) continue;
      findings.push({
        at: run.begin,
        text: `began ${Math.round(run.begin - surelyFrom)} ms after strike() (${mode}) on ${group}: ${describeRun(run)}`,
      });
    }
  }
  return findings;
}

/** Nothing begins before it is due. A worker whose clock is ahead may wake it. */
export function ranEarly(history) {
  const lives = [...history.lives.values()];
  return history.runs.flatMap((run) => {
    const { when, askedAt } = history.additions.get(run.id) ?? {};
    if (when === undefined || run.begin >= askedAt + when - PRECISION) return [];
    if (lives.some(({ skew, from, to = Infinity }) => skew > 0 && from <= run.begin && to >= askedAt)) return [];
    return [
      { at: run.begin, text: `began ${Math.round(askedAt + when - run.begin)} ms too early: ${describeRun(run)}` },
    ];
  });
}
