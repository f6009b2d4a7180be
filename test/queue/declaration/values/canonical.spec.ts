import { describe, expect, it } from '@jest/globals';
import { encodeArgs, decodeArgs } from '../../../../lib/queue/declaration/payload.js';
import { canonical } from '../../../../lib/queue/declaration/values/canonical.js';
import type { Chance } from '../../faults/chance.js';
import { differenceOf, firstWrong } from './random-graph.js';

const textOf = (value: unknown): string => encodeArgs('task', [canonical(value)]);

class Price {
  constructor(
    readonly currency: string,
    readonly cents: number,
  ) {}
}

describe('canonical()', () => {
  it.each<[what: string, a: unknown, b: unknown]>([
    ['objects', { tenant: 1, region: 'eu' }, { region: 'eu', tenant: 1 }],
    ['objects in objects', [{ a: { b: 1, c: 2 } }], [{ a: { c: 2, b: 1 } }]],
    ['properties that are undefined', { a: 1, b: undefined }, { a: 1 }],
    ['zeros', [0, { a: 0 }, new Set([0])], [-0, { a: -0 }, new Set([-0])]],
    ['sets', new Set(['a', { b: 1 }, 3n]), new Set([3n, 'a', { b: 1 }])],
    ['maps', new Map<unknown, unknown>([['a', 1], [{ b: 1, c: 2 }, 2]]), new Map<unknown, unknown>([[{ c: 2, b: 1 }, 2], ['a', 1]])], // prettier-ignore
    ['sets in sets', new Set([new Set([1, 2]), new Set([3])]), new Set([new Set([3]), new Set([2, 1])])],
    ['dates', new Date(5), new Date(5)],
    ['not-a-numbers', Number.NaN, Number('x')],
    ['expressions and URLs', [/a/g, new URL('http://a/')], [/a/g, new URL('http://A')]],
    ['bytes', Buffer.from([1, 2]), new Uint8Array([1, 2])],
    ['floats', new Float64Array([0, Number.NaN]), new Float64Array([-0, -Number.NaN])],
    ['errors', new Error('a', { cause: { a: 1, b: 2 } }), new Error('a', { cause: { b: 2, a: 1 } })],
    ['instances, and what they arrive as', new Price('EUR', 5), { cents: 5, currency: 'EUR' }],
    ['objects, and what they say of themselves', { toJSON: () => ({ b: 1, a: 2 }) }, { a: 2, b: 1 }],
    ['boxes, and what is in them', Object(5), 5],
    ['shared objects, and copies', ((shared) => [shared, shared])({ at: new Date(1) }), [{ at: new Date(1) }, { at: new Date(1) }]], // prettier-ignore
  ])('is one text for equal %s', (_what, a, b) => {
    expect(textOf(a)).toBe(textOf(b));
    expect(textOf(decodeArgs(encodeArgs('task', [a]))[0])).toBe(textOf(a));
  });

  it.each<[unknown, unknown]>([
    [1001, '1001'],
    [1, true],
    [1, 1n],
    [null, undefined],
    [{ a: null }, {}],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], new Set([1])],
    [{ a: 1 }, new Map([['a', 1]])],
    [new Date(5), 5],
    [new Date(5), new Date(6)],
    [2n ** 60n, 2n ** 60n + 1n],
    [2n ** 2_000n, Infinity],
    [new Uint8Array([1]), new Int8Array([1])],
    [/a/, /a/i],
    [new Error('a'), new TypeError('a')],
    [[undefined], []],
  ])('is another text for %p and %p', (a, b) => {
    expect(textOf(a)).not.toBe(textOf(b));
  });

  it('leaves the value as it was', () => {
    const value = { b: new Set([2, 1]), a: [{ d: 1, c: undefined }] };
    canonical(value);
    expect(differenceOf(value, { b: new Set([2, 1]), a: [{ d: 1, c: undefined }] })).toBeUndefined();
  });

  it('ends where a circle begins', () => {
    const circle = (): object => {
      const value: Record<string, unknown> = { b: new Set([1, 2]), a: 1 };
      value['self'] = [value];
      return value;
    };
    expect(textOf(circle())).toBe(textOf(circle()));
  });

  it('orders members that lead back to themselves', () => {
    const circles = [1, 2, 3].map((number) => {
      const circle: Record<string, unknown> = { at: new Date(number) };
      circle['self'] = circle;
      return circle;
    });
    expect(textOf(new Set(circles.toReversed()))).toBe(textOf(new Set(circles)));
  });

  it('leaves what does not travel to be refused where it is written', () => {
    expect(() => textOf({ a: new Set([1, () => 1]) })).toThrow('args[0].a[0] of task task is a function');
    expect(() => textOf(JSON.parse('{"__proto__":1}'))).toThrow('args[0].__proto__');
  });

  describe('of random graphs', () => {
    /** The same with keys and members in another order, and copies in place of what is shared. */
    function shuffled(value: unknown, chance: Chance, around: readonly unknown[] = []): unknown {
      if (typeof value !== 'object' || value === null || around.includes(value))
        return around.includes(value) ? 'circle' : value;
      const inner = (item: unknown): unknown => shuffled(item, chance, [...around, value]);
      const mix = <T>(items: T[]): T[] => {
        for (let at = items.length - 1; at > 0; at -= 1) {
          const other = chance.below(at + 1);
          [items[at], items[other]] = [items[other] as T, items[at] as T];
        }
        return items;
      };
      if (Array.isArray(value)) return value.map(inner);
      if (value instanceof Set) return new Set(mix([...value].map(inner)));
      if (value instanceof Map)
        return new Map(mix([...value].map(([key, item]) => [inner(key), inner(item)] as const)));
      if (Object.getPrototypeOf(value) !== Object.prototype) return value;
      return Object.fromEntries(mix(Object.entries(value).map(([key, item]) => [key, inner(item)] as const)));
    }

    /** The same with another value somewhere. */
    function changed(value: unknown, chance: Chance): unknown {
      if (Array.isArray(value) && value.length > 0) {
        const at = chance.below(value.length);
        return value.map((item: unknown, index) => (index === at ? changed(item, chance) : item));
      }
      if (value instanceof Set) return new Set([...value, 'changed']);
      if (value instanceof Map) return new Map([...value, ['changed', 1]]);
      const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
      if (keys.length === 0 || Object.getPrototypeOf(value) !== Object.prototype) return 'changed';
      const key = keys[chance.below(keys.length)] ?? '';
      return { ...(value as object), [key]: changed((value as Record<string, unknown>)[key], chance) };
    }

    it('is one text in any order, and another for another value', () => {
      const check = (random: unknown[], chance: Chance): string | undefined => {
        const graph = shuffled(random, chance);
        const text = textOf(graph);
        if (textOf(shuffled(graph, chance)) !== text) return 'another text in another order';
        return textOf(changed(graph, chance)) === text ? 'the same text for another value' : undefined;
      };
      expect(firstWrong(1_000, check)).toBeUndefined();
    });
  });
});
