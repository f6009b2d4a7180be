import { inspect } from 'node:util';
import type { TaskTiming } from '../task/task-outcome.js';
import type { Task } from '../task/task.js';
import { listArgs, listing } from './listing.js';
import { matches, type Matching } from './matching.js';
import type { TaskRecord } from './task-record.js';

/**
 * Expected properties of a task. Omitted ones may have any value.
 *
 * @publicApi
 */
export interface ExpectedTask<A extends readonly unknown[] = readonly unknown[]> {
  /** Moment of the start. */
  readonly timing?: TaskTiming | undefined;
  /** Name: that of its options, else that of the function. A pattern for a name with an id. */
  readonly name?: string | RegExp | undefined;
  /** Arguments, compared deeply; matchers such as `expect.any(String)` may stand anywhere in them. */
  readonly args?: { readonly [K in keyof A]: Matching<A[K]> } | undefined;
  readonly shielded?: boolean | undefined;
  readonly pool?: string | undefined;
}

type AnyTask = string | ((...args: never[]) => unknown);

export function isTaskLike(what: AnyTask, expected: ExpectedTask, task: Task): boolean {
  const { timing, name, args, shielded, pool } = expected;
  return (
    (typeof what === 'string' ? task.name === what : task.func === what) &&
    (timing === undefined || timing === task.timing) &&
    (name === undefined || (typeof name === 'string' ? name === task.name : task.name.search(name) >= 0)) &&
    (shielded === undefined || shielded === task.shielded) &&
    (pool === undefined || pool === task.config.pool) &&
    (args === undefined || matches(args, task.args))
  );
}

export function describeExpectedTask(what: AnyTask, expected: ExpectedTask): string {
  const { timing, name, args, shielded, pool } = expected;
  const own = typeof what === 'string' ? what : what.name || 'anonymous';
  return [
    args === undefined ? own : `${own}(${listArgs(args)})`,
    ...(name === undefined ? [] : [`name ${inspect(name)}`]),
    ...(timing === undefined ? [] : [timing]),
    ...(shielded === undefined ? [] : [shielded ? 'shielded' : 'not shielded']),
    ...(pool === undefined ? [] : [`pool ${inspect(pool)}`]),
  ].join(', ');
}

/** Lists all scheduled tasks for a message, with the reasons of discarded ones. */
export function listScheduled(record: TaskRecord): string {
  const lines = record.all.map((task) => describeTask(task, record.reasonOf(task)));
  return lines.length === 0 ? 'Nothing was scheduled.' : listing('Scheduled:', lines);
}

/** Describes a task, as in `sendMail('ada'), name 'mail_1', afterResponse, shielded: succeeded`. */
function describeTask(task: Task, discardedFor: string | undefined): string {
  const { functionName, args, config, timing, shielded, status } = task;
  const parts = [
    `${functionName}(${listArgs(args)})`,
    ...(config.name === undefined ? [] : [`name ${inspect(config.name)}`]),
    timing,
    ...(shielded ? ['shielded'] : []),
    ...(config.pool === undefined ? [] : [`pool ${inspect(config.pool)}`]),
  ];
  return `${parts.join(', ')}: ${discardedFor === undefined ? status : `discarded, ${discardedFor}`}`;
}
