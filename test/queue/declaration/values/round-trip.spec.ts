import { describe, expect, it } from '@jest/globals';
import { decodeArgs, encodeArgs } from '../../../../lib/queue/declaration/payload.js';
import { differenceOf, firstWrong } from './random-graph.js';

describe('random graphs', () => {
  it('arrive as they were, with what they share and their circles', () => {
    expect(firstWrong(7_500, (graph) => differenceOf(graph, decodeArgs(encodeArgs('task', graph))))).toBeUndefined();
  });

  it('are told apart', () => {
    const shared = { a: 1 };
    expect(differenceOf([shared, shared], [{ a: 1 }, { a: 1 }])).toBe('root/3 (identity)');
    expect(differenceOf([{ a: 1 }, { a: 1 }], [shared, shared])).toBe('root/3 (identity)');
    expect(differenceOf(new Set([1, 2]), new Set([2, 1]))).toBe('root/0');
    expect(differenceOf([new Map([[1, 0]])], [new Map([[1, -0]])])).toBe('root/1/1');
    expect(differenceOf([shared, [shared]], [shared, [shared]])).toBeUndefined();
  });
});
