import { describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import { startContext } from '../../../support/context.js';

jest.setTimeout(60_000);

const ROUNDS = 5;
const LIMIT = 3;

@Injectable()
class Imports {
  @Durable('imports.run')
  run(_rows: unknown): void {}
}

function list<T>(length: number, item: (at: number) => T): T[] {
  return Array.from({ length }, (_, at) => item(at));
}

function nest(levels: number, leaf: unknown): unknown {
  let value = leaf;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
}

const dateAt = (at: number): Date => new Date(1.7e12 + at * 1_000);
const row = (at: number): object => ({ id: at, name: `customer ${at}`, at: dateAt(at).toISOString() });
const shared = { name: 'somebody', lines: [1, 2, 3] };
const longKey = 'k'.repeat(1_000);

const separate = (at: number): object => ({ at, shared: { ...shared, lines: [1, 2, 3] } });

/** Each beside flat JSON of its size. */
const COSTLY: Readonly<Record<string, () => readonly [costly: unknown, flat: unknown]>> = {
  'rows with a Date each': () => [list(40_000, (at) => ({ ...row(at), at: dateAt(at) })), list(40_000, row)],
  'a Date after many rows': () => [[...list(20_000, row), dateAt(0)], list(20_000, row)],
  'rows under many levels': () => [nest(90, list(20_000, row)), list(20_000, row)],
  'rows under many levels, and a Date': () => [[dateAt(0), nest(90, list(20_000, row))], list(20_000, row)],
  'an object in many places': () => [list(20_000, (at) => ({ at, shared })), list(20_000, separate)],
  'an object in many places, and a Date': () => [
    [dateAt(0), list(20_000, (at) => ({ at, shared }))],
    list(20_000, separate),
  ],
  'long keys': () => [
    list(2_500, (at) => ({ [longKey + at]: dateAt(at) })),
    list(2_500, (at) => ({ long: longKey + at, at: '' })),
  ],
  'objects that look like marks': () => [
    list(20_000, (at) => ({ $date: `customer ${at}` })),
    list(20_000, (at) => ({ date: `customer ${at}` })),
  ],
};

/** Microseconds of CPU, which a busy machine disturbs less than time. */
async function cpuOf(act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

describe('add()', () => {
  it.each(Object.keys(COSTLY))('costs little more than with flat JSON of the same size: %s', async (what) => {
    const [costly, flat] = COSTLY[what]?.() ?? [];
    await using test = await startContext({ queue: { maxArgumentSize: '16mb' } }, { providers: [Imports] });
    const queue = test.context.get(TaskQueue);
    const add = async (rows: unknown): Promise<unknown> =>
      (await queue.add('imports.run', { when: '1h', key: 'import' })(rows)).cancel();

    /** Of the cheapest rounds: others had to wait, or to collect garbage. */
    const measure = async (): Promise<number> => {
      const costs: [number, number][] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        costs.push([await cpuOf(() => add(costly)), await cpuOf(() => add(flat))]);
      }
      return Math.min(...costs.map(([cost]) => cost)) / Math.min(...costs.map(([, cost]) => cost));
    };
    const ratio = await measure();
    expect(ratio <= LIMIT ? ratio : await measure()).toBeLessThanOrEqual(LIMIT);
  });
});
