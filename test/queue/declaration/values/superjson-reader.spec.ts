import { describe, expect, it } from '@jest/globals';
import { serialize } from 'superjson';
import { decodeArgs, decodeResult } from '../../../../lib/queue/declaration/payload.js';
import { differenceOf, firstWrong, KEYS } from './random-graph.js';

/** As it was stored. */
const written = (value: unknown): string => JSON.stringify({ $superjson: serialize(value) });

describe('records of superjson', () => {
  it('are read, with what they share and their circles', () => {
    const check = (graph: unknown[]): string | undefined => differenceOf(graph, decodeArgs(written(graph)));
    expect(firstWrong(1_000, check, KEYS)).toBeUndefined();
  });

  it('are read as versions 2.2.6 and older have written them', () => {
    const record = `{"json":[[{"sku":"A"},{"sku":"B"},{"sku":"C"}],[{"sku":"A"},{"sku":"C"},{"sku":"B"}]],"meta":{"values":{"1":["set"]},"referentialEqualities":{"0.0":["1.0"],"0.1":["1.2"],"0.2":["1.1"]},"v":1}}`;
    const [items, express] = decodeArgs(`{"$superjson":${record}}`) as [object[], Set<object>];
    expect([...express]).toEqual([{ sku: 'A' }, { sku: 'C' }, { sku: 'B' }]);
    expect([...express].map((item) => items.indexOf(item))).toEqual([0, 2, 1]);
  });

  it('are results too', () => {
    expect(decodeResult(`[${written(new Map([[1n, undefined]]))}]`)).toStrictEqual(new Map([[1n, undefined]]));
    expect(decodeResult(`[${written(undefined)}]`)).toBeUndefined();
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const read = decodeResult(`[${written(loop)}]`) as typeof loop;
    expect(read.self).toBe(read);
  });

  it.each([
    ['a class', '{"json":[1],"meta":{"values":{"0":[["class","Evil"]]}}}'],
    ['a type that nobody knows', '{"json":[1],"meta":{"values":{"0":["evil"]}}}'],
    ['a path that leads nowhere', '{"json":[1],"meta":{"values":{"7.a":["Date"]}}}'],
    ['a path to a prototype', '{"json":[{}],"meta":{"values":{"0.__proto__.a":["undefined"]}}}'],
    [
      'a path through a constructor',
      '{"json":[{}],"meta":{"referentialEqualities":{"0":["0.constructor.prototype"]}}}',
    ],
    ['arguments that are no list', '{"json":{"a":1}}'],
  ])('are refused with %s', (_what, record) => {
    expect(() => decodeArgs(`{"$superjson":${record}}`)).toThrow(TypeError);
    expect({}).not.toHaveProperty('a');
  });
});
