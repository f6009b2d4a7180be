import { inspect, isDeepStrictEqual } from 'node:util';
import ms from 'ms';
import type { Disposition } from '../queue/broker/record.js';
import { decodeArgs, encodeArgs } from '../queue/declaration/payload.js';
import { parseDuration, type Duration } from '../task/duration.js';
import { listArgs, listing } from './listing.js';

/**
 * Call that has added an execution to the queue, or found its key taken.
 *
 * @publicApi
 */
export interface Addition<A extends readonly unknown[] = readonly unknown[]> {
  /** Name of the task. */
  readonly name: string;
  /** Arguments as the task gets them: decoded, not as passed. */
  readonly args: A;
  /** Key, given or generated. */
  readonly key: string;
  /** Time at which it is due; `undefined`: at once. */
  readonly when: Date | undefined;
  readonly priority: number;
  /** Result: `'already-scheduled'` if the key was taken and nothing was changed. */
  readonly disposition: Disposition;
  /** True if the call was `replace()`. */
  readonly isReplacement: boolean;
  /** Time of the call, by the virtual clock. */
  readonly addedAt: Date;
}

/**
 * Expected properties of an addition. Omitted ones may have any value.
 *
 * @publicApi
 */
export interface ExpectedAddition<A extends readonly unknown[] = readonly unknown[]> {
  /** Arguments, compared deeply. */
  readonly args?: A | undefined;
  readonly key?: string | undefined;
  /** Time at which it is due. */
  readonly when?: Date | undefined;
  /** Delay between the addition and its due time; 0 is at once. */
  readonly in?: Duration | undefined;
  readonly priority?: number | undefined;
  readonly isReplacement?: boolean | undefined;
  /** Result of the call. Default `'scheduled'`: calls that found their key taken do not count. */
  readonly disposition?: Disposition | undefined;
}

export function isLike(expected: ExpectedAddition, addition: Addition): boolean {
  const { name, key, when, priority, isReplacement, disposition, addedAt } = addition;
  const delay = when === undefined ? 0 : when.getTime() - addedAt.getTime();
  return (
    disposition === (expected.disposition ?? 'scheduled') &&
    (expected.key === undefined || expected.key === key) &&
    (expected.priority === undefined || expected.priority === priority) &&
    (expected.isReplacement === undefined || expected.isReplacement === isReplacement) &&
    (expected.when === undefined || expected.when.getTime() === addedAt.getTime() + delay) &&
    (expected.in === undefined || parseDuration('in', expected.in) === delay) &&
    // Instances of classes arrive as plain objects, and undefined properties are kept.
    (expected.args === undefined || isDeepStrictEqual(decodeArgs(encodeArgs(name, expected.args)), addition.args))
  );
}

/** Describes an addition, as in `mail.remind('ada'), key 'remind:ada', in 1d`. */
function describeAddition({ name, args, key, when, addedAt, ...rest }: Addition): string {
  return [
    `${name}(${listArgs(args)})`,
    `key ${inspect(key)}`,
    ...(when === undefined ? [] : [describeTime(when, addedAt)]),
    ...describeRest(rest),
  ].join(', ');
}

export function describeExpected(name: string, expected: ExpectedAddition): string {
  const { args, key, when, in: delay, ...rest } = expected;
  return [
    args === undefined ? name : `${name}(${listArgs(args)})`,
    ...(key === undefined ? [] : [`key ${inspect(key)}`]),
    ...(when === undefined ? [] : [`at ${when.toISOString()}`]),
    ...(delay === undefined ? [] : [`in ${describeDelay(parseDuration('in', delay))}`]),
    ...describeRest(rest),
  ].join(', ');
}

/** Lists additions for a message. */
export function listAdditions(additions: readonly Addition[]): string {
  if (additions.length === 0) return 'Nothing was added.';
  return listing('Added:', additions.map(describeAddition));
}

function describeRest({ priority = 0, isReplacement, disposition }: Omit<ExpectedAddition, 'args'>): string[] {
  return [
    ...(priority === 0 ? [] : [`priority ${priority}`]),
    ...(isReplacement === true ? ['by replace()'] : []),
    ...(disposition === 'already-scheduled' ? ['already scheduled'] : []),
  ];
}

function describeTime(when: Date, from: Date): string {
  const delay = when.getTime() - from.getTime();
  return `in ${describeDelay(delay)} (${when.toISOString()})`;
}

/** Describes a delay exactly and briefly: `ms` rounds. */
function describeDelay(delay: number): string {
  const short = ms(delay);
  return ms(short as ms.StringValue) === delay ? short : `${delay}ms`;
}
