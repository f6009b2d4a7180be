// Rules of how often, and side by side with what, something runs.
import { causeOfRepeat, describeRun } from './causes.js';
import { groupBy } from './history.js';

/** How often an execution is started that takes its process with it each time. */
const POISONED_STARTS = 5;

const overlaps = (run, next) => next.begin < run.end;

/** By the same id or key, each with the one that began before it. */
function pairs(groups) {
  return [...groups.values()].flatMap((runs) => runs.slice(1).map((next, at) => [runs[at], next]));
}

/** Every further run of an execution is explained: a retry, a shutdown, the death of its worker, a lost lease. */
export function repeated(history) {
  return pairs(history.runsById)
    .filter(([run, next]) => !overlaps(run, next) && causeOfRepeat(history, run, next) === undefined)
    .map(([run, next]) => ({
      at: next.begin,
      text: `ran again without a cause: ${describeRun(run)}; then ${describeRun(next)}${withoutLease(history, next)}`,
    }));
}

/** No attempt is skipped, and none that did not fail is used up. */
export function attemptsWrong(history) {
  return [...history.runsById.values()].flatMap((runs) =>
    runs.flatMap((run, at) => {
      const failed = runs.slice(0, at).filter(({ how }) => how === 'threw');
      const most = 1 + Math.max(0, ...failed.map(({ attempt }) => attempt));
      return run.attempt > most
        ? [
            {
              at: run.begin,
              text: `is attempt ${run.attempt} though attempt ${most - 1} was the last to fail: ${describeRun(run)}`,
            },
          ]
        : [];
    }),
  );
}

/** No two runs of one key go on at the same time while their leases live. */
export function overlapped(history) {
  const byKey = groupBy(history.runs, ({ key }) => key);
  return [...byKey.values()].flatMap((runs) =>
    runs.flatMap((run, at) =>
      runs
        .slice(at + 1)
        .filter((next) => overlaps(run, next) && history.mayLoseAt(run) > next.begin)
        .map((next) => ({
          at: next.begin,
          text: `began beside a run of its key that held its lease: ${describeRun(run)}; and ${describeRun(next)}${withoutLease(history, next)}`,
        })),
    ),
  );
}

/** Whoever was disturbed before it began may have claimed it before that. It had to look at its lease before it began. */
function withoutLease(history, run) {
  if (history.mayLoseAt(run) !== run.begin) return '';
  return history.wasToldLost(run)
    ? ' (begun after the worker said that its lease was lost)'
    : ' (begun by a worker that had been disturbed)';
}

/** No pool has more runs that surely hold their lease than its limit. */
export function limitExceeded(history) {
  const pools = groupBy(
    history.runs.filter(({ max }) => max !== undefined),
    ({ task, pool }) => `${task} ${pool}`,
  );
  return [...pools].flatMap(([name, runs]) => {
    const sure = runs
      .map((run) => ({ run, from: run.begin, to: Math.min(run.end, history.mayLoseAt(run)) }))
      .filter(({ from, to }) => to > from);
    return sure.flatMap(({ run, from }) => {
      const live = sure.filter((other) => other.from <= from && other.to > from);
      if (live.length <= run.max) return [];
      const which = live.map((other) => describeRun(other.run)).join('; ');
      return [{ at: from, text: `${live.length} runs under live leases of a limit of ${run.max}, ${name}: ${which}` }];
    });
  });
}

/** An execution that kills its process each time is given up. */
export function poisonedTooOften(history) {
  const starts = history.runs.filter(({ task }) => task === 'poison');
  if (starts.length <= POISONED_STARTS) return [];
  return [{ at: starts.at(-1).begin, text: `was started ${starts.length} times: ${starts[0].id}` }];
}

/** Whether a run was begun though its worker had said that its lease was lost. */
export function begunWithoutLease(history) {
  return history.runs
    .filter((run) => run.isAborted)
    .map((run) => ({ at: run.begin, text: `was called with a signal that was aborted already: ${describeRun(run)}` }));
}
