import { describe, expect, it } from '@jest/globals';
import { Heap } from '../../../../lib/queue/broker/memory/heap.js';

function drain<T>(heap: Heap<T>): T[] {
  const items: T[] = [];
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) items.push(item);
  return items;
}

describe('a heap', () => {
  const numbers = (): Heap<number> => new Heap<number>((a, b) => a < b);

  it('is empty at first, and gives nothing', () => {
    const heap = numbers();
    expect([heap.size, heap.peek(), heap.pop(), heap.size]).toEqual([0, undefined, undefined, 0]);
  });

  it('gives the least first, in whichever order they came', () => {
    const heap = numbers();
    for (const number of [5, 1, 4, 1, 3, 9, 2]) heap.push(number);
    expect([heap.size, heap.peek()]).toEqual([7, 1]);
    expect(drain(heap)).toEqual([1, 1, 2, 3, 4, 5, 9]);
  });

  it('stays in order while some come and some go', () => {
    const heap = numbers();
    const rest: number[] = [];
    let seed = 7;
    for (let round = 0; round < 2_000; round += 1) {
      seed = (seed * 48_271) % 2_147_483_647;
      if (seed % 3 === 0) {
        rest.sort((a, b) => a - b);
        expect(heap.pop()).toBe(rest.shift());
      } else {
        heap.push(seed % 100);
        rest.push(seed % 100);
      }
      expect(heap.size).toBe(rest.length);
    }
    expect(drain(heap)).toEqual(rest.toSorted((a, b) => a - b));
  });

  it('goes by the order that it is given', () => {
    const heap = new Heap<{ rank: number; number: number }>((a, b) =>
      a.rank === b.rank ? a.number < b.number : a.rank < b.rank,
    );
    for (let number = 0; number < 50; number += 1) heap.push({ rank: number % 2, number });
    const order = drain(heap).map(({ number }) => number);
    const numbersFrom = (first: number): number[] => Array.from({ length: 25 }, (_, index) => first + 2 * index);
    expect(order).toEqual([...numbersFrom(0), ...numbersFrom(1)]);
  });
});
