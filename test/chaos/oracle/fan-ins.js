// Rules of what follows others: once, when they have ended, and with what they have come to.
import { hasSpentCrashes, wasCancelled } from './causes.js';

/** Each outcome that a follower is told is what its part has come to. */
export function outcomeFalse(history) {
  return followers(history).flatMap(({ addition, run }) =>
    addition.parts.flatMap((key, at) => {
      const outcome = run.outcomes[at];
      const part = partOf(history, key);
      const why = outcome?.key === key ? falsehoodOf(history, addition, part, outcome) : 'there is no outcome of it';
      return why === undefined
        ? []
        : [
            {
              at: run.begin,
              text: `${run.id} was told '${outcome?.status}' (${outcome?.error ?? ''}) of ${key}: ${why}`,
            },
          ];
    }),
  );
}

/** No follower begins before its parts have ended. */
export function followedTooEarly(history) {
  return followers(history).flatMap(({ addition, run }) =>
    addition.parts.flatMap((key) => {
      const part = partOf(history, key);
      const runs = history.runsById.get(part?.id) ?? [];
      const hasEnded = runs.some(({ how, end }) => how !== undefined && end <= run.begin);
      if (hasEnded || part === undefined || wasCancelled(history, part) || hasSpentCrashes(history, part)) return [];
      return [{ at: run.begin, text: `${run.id} began before ${key} had ended` }];
    }),
  );
}

function followers(history) {
  return history.runs.flatMap((run) => {
    const addition = history.additions.get(run.id);
    return addition?.act === 'after' && run.outcomes !== undefined ? [{ addition, run }] : [];
  });
}

function partOf(history, key) {
  return [...history.additions.values()].find((addition) => addition.task === 'part' && addition.key === key);
}

/** Why it is not true; nothing where it may be. */
function falsehoodOf(history, addition, part, { status, value, error = '' }) {
  if (part === undefined) return 'nobody has added it';
  const runs = history.runsById.get(part.id) ?? [];
  if (status === 'succeeded') {
    if (!runs.some(({ how }) => how === 'ok')) return 'no run of it has succeeded';
    return value === part.id ? undefined : `its value is ${value}`;
  }
  if (status === 'cancelled') return wasCancelled(history, part) ? undefined : 'nobody has cancelled it';
  if (status === 'discarded') return 'nothing drops it';
  if (error.includes(`${part.id} fails`)) return undefined;
  if (error.startsWith('TaskCrashedError')) return hasSpentCrashes(history, part) ? undefined : 'it did not crash';
  if (error.startsWith('ExecutionNotFoundError')) {
    const ended = Math.max(...runs.map(({ end }) => end));
    // It had ended and was forgotten before anybody said that something follows it.
    if (ended + history.settings.retention <= (addition.answeredAt ?? Infinity)) return undefined;
    return `its end (${runs.map(({ how }) => how).join(', ')}) was forgotten`;
  }
  return 'it did not fail so';
}
