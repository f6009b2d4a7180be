import { expect } from '@jest/globals';
import type { QueueCounts, TaskQueue } from 'nestjs-tasks';
import { until } from './until.js';

/** What a worker counts and logs of an end comes right after others can see that. In milliseconds. */
const SOON = 2_000;

/** That the counts are, or soon will be, as expected. */
export async function expectCounts(queue: TaskQueue, expected: Partial<QueueCounts>): Promise<void> {
  const fields = Object.keys(expected) as (keyof QueueCounts)[];
  await until(() => fields.every((field) => queue.counts[field] === expected[field]), 'the counts', SOON).catch(
    () => {}, // what differs is told by:
  );
  expect(queue.counts).toMatchObject(expected);
}

/** That the lines are, or soon will be, as expected. */
export async function expectLines(read: () => readonly string[], expected: readonly unknown[]): Promise<void> {
  await until(() => read().length >= expected.length, 'the lines', SOON).catch(() => {}); // which of them is told by:
  expect(read()).toEqual(expected);
}
