import { readNumber, readStored } from '../broker/stored.js';
import { DurationHistogram } from './duration-histogram.js';

/** What is counted of a task, by the letter that stands for it where it is stored. */
const LETTERS = {
  a: 'added',
  s: 'started',
  c: 'completed',
  f: 'failed',
  r: 'retried',
  x: 'cancelled',
  d: 'dropped',
} as const;

export type Counted = (typeof LETTERS)[keyof typeof LETTERS];

type Fields = Readonly<Record<string, unknown>>;

/** Counts of one task in a span of time. */
export class TaskTally implements Record<Counted, number> {
  added = 0;
  started = 0;
  completed = 0;
  failed = 0;
  retried = 0;
  cancelled = 0;
  dropped = 0;
  /** Times from when executions were due to their starts. */
  readonly wait = new DurationHistogram();
  /** Times from starts to ends. */
  readonly run = new DurationHistogram();

  get isEmpty(): boolean {
    return Object.values(LETTERS).every((counted) => this[counted] === 0);
  }

  clear(): void {
    for (const counted of Object.values(LETTERS)) this[counted] = 0;
    this.wait.clear();
    this.run.clear();
  }

  toStored(): Fields {
    const stored: Record<string, unknown> = {};
    for (const [letter, counted] of Object.entries(LETTERS)) {
      if (this[counted] > 0) stored[letter] = this[counted];
    }
    if (!this.wait.isEmpty) stored['w'] = this.wait.toStored();
    if (!this.run.isEmpty) stored['u'] = this.run.toStored();
    return stored;
  }

  merge(stored: Fields): void {
    for (const [letter, counted] of Object.entries(LETTERS)) this[counted] += Number(stored[letter] ?? 0);
    this.wait.merge((stored['w'] ?? []) as number[]);
    this.run.merge((stored['u'] ?? []) as number[]);
  }
}

export type StoredTallies = ReadonlyMap<string, Fields>;

export function writeTallies(tallies: Iterable<readonly [name: string, tally: TaskTally]>): string {
  const tasks = Array.from(tallies, ([name, tally]) => [name, tally.toStored()] as const);
  return JSON.stringify({ tasks: Object.fromEntries(tasks) });
}

/** @returns nothing for what cannot be read. Fields of another version are left out. */
export function readTallies(text: string): StoredTallies | undefined {
  return readStored(text, ({ tasks }) => {
    if (typeof tasks !== 'object' || tasks === null || Array.isArray(tasks)) return undefined;
    const entries = Object.entries(tasks as Fields);
    return entries.every(([, stored]) => isTally(stored)) ? new Map(entries as [string, Fields][]) : undefined;
  });
}

function isTally(stored: unknown): boolean {
  if (typeof stored !== 'object' || stored === null) return false;
  const fields = stored as Fields;
  return (
    Object.keys(LETTERS).every((letter) => fields[letter] === undefined || isCount(fields[letter])) &&
    [fields['w'], fields['u']].every((buckets) => buckets === undefined || areBuckets(buckets))
  );
}

function areBuckets(value: unknown): boolean {
  return Array.isArray(value) && value.length % 2 === 0 && value.every(isCount);
}

function isCount(value: unknown): boolean {
  const number = readNumber(value);
  return number !== undefined && number >= 0 && Number.isInteger(number);
}
