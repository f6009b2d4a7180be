import { describe, expect, it } from '@jest/globals';
import type { Strike, StrikeOperator } from 'nestjs-tasks';
import { Parameters } from '../../../lib/queue/declaration/parameters.js';
import { StrikeList } from '../../../lib/queue/rules/strike-list.js';
import { decodeStrike, encodeStrike, strikeId, strikeTarget } from '../../../lib/queue/rules/strike.js';
import { TaskArgumentError } from '../../../lib/queue/broker/queue-errors.js';

const parameters = new Parameters((_value: unknown, _other: unknown) => {}, {
  names: new Map([
    [0, 'value'],
    [1, 'other'],
  ]),
  types: undefined,
});

function strike(operator: StrikeOperator | undefined, value?: unknown, overrides: Partial<Strike> = {}): Strike {
  return {
    task: 'task',
    parameter: operator === undefined ? undefined : 'value',
    operator,
    value,
    mode: 'drop',
    reason: undefined,
    since: new Date(0),
    expiresAt: undefined,
    ...overrides,
  };
}

function find(strikes: Strike[], args: unknown[], task = 'task', now = 0): Strike | undefined {
  return new StrikeList(strikes).find({ task, args, parameters }, now);
}

describe('StrikeList', () => {
  it.each<[StrikeOperator, value: unknown, struck: unknown[], spared: unknown[]]>([
    ['==', '12345', ['12345'], [12345, '1234', '', null, undefined, ['12345']]],
    ['==', 5, [5, 5n], ['5', 6, NaN, true]],
    ['==', true, [true], [false, 1, 'true']],
    ['==', null, [null], [undefined, 0, 'null']],
    ['==', { a: [1] }, [{ a: [1] }], [{ a: [2] }, '{"a":[1]}']],
    ['==', new Date(5), [new Date(5)], [new Date(6), 5]],
    ['!=', 5, [6, 4n], [5, 5n, '6', null]],
    ['!=', 'a', ['b', ''], ['a', 1]],
    ['<', 10, [9, -1, 9n], [10, 11, '9']],
    ['<=', 10, [10, 9.5], [10.1]],
    ['>', 10_000, [10_001, Infinity, 20_000n], [10_000, 0, '10001']],
    ['>=', 10, [10, 11], [9]],
    ['>', 'b', ['c', 'ba'], ['b', 'a', 3]],
    ['<=', 'low', ['low', 'high', 'critical'], ['medium', 'urgent']],
    ['<', new Date(10), [new Date(9)], [new Date(10), 9]],
    ['between', [2, 4], [2, 3, 4], [1, 5, '3']],
    ['between', ['b', 'd'], ['b', 'c', 'd'], ['a', 'da']],
    ['in', ['a', 3], ['a', 3], ['b', 4, '3']],
    ['<=', 5, [5], [NaN]],
    ['==', NaN, [NaN, Number('x')], [5, 0, 'NaN', null]],
    ['!=', NaN, [5, 0n], [NaN]],
    ['!=', 5, [NaN], [5]],
    ['in', [NaN, 1], [NaN, 1n], [2]],
    ['==', 0, [-0, 0n], [1]],
    ['==', 1e21, [10n ** 21n], [1e20]],
    [
      '==',
      { tenant: 1, region: 'eu' },
      [{ region: 'eu', tenant: 1, more: undefined }],
      [{ tenant: 1 }, { tenant: 1, region: 'us' }],
    ],
    ['!=', { a: 1, b: { c: 2, d: 3 } }, [{ a: 1 }], [{ b: { d: 3, c: 2 }, a: 1 }]],
    ['in', [new Set([1, 2]), [1, 2]], [new Set([2, 1]), [1, 2]], [[2, 1], new Set([1])]],
    [
      '==',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      [
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ],
      [new Map([['a', 1]]), { a: 1, b: 2 }],
    ],
    ['==', 'EUR 5', [{ toJSON: () => 'EUR 5' }, Object('EUR 5')], [{ toJSON: () => 'EUR 6' }]],
    ['>', 5, [Object(6), { toJSON: () => 7 }], [Object(5)]],
    ['between', [new Date(1), new Date(9)], [new Date(5)], [new Date(NaN)]],
  ])('%s %p', (operator, value, struck, spared) => {
    for (const each of struck) expect([each, find([strike(operator, value)], [each])]).not.toEqual([each, undefined]);
    for (const each of spared) expect([each, find([strike(operator, value)], [each])]).toEqual([each, undefined]);
  });

  it('strikes all of a task, and all tasks by a parameter', () => {
    expect(find([strike(undefined)], [])).toBeDefined();
    expect(find([strike(undefined)], [], 'other')).toBeUndefined();
    expect(find([strike('==', 1, { task: null })], [1], 'other')).toBeDefined();
    expect(find([strike('==', 1, { task: null })], [2], 'other')).toBeUndefined();
  });

  it('needs one of several to match, whole or not', () => {
    const both = [strike(undefined), strike('==', 1)];
    expect(find(both, [2])).toBe(both[0]);
    expect(find([both[1] as Strike], [2])).toBeUndefined();
    const either = [strike('==', '12345'), strike('>', 1000, { parameter: 'other' })];
    expect(find(either, ['12345', 500])).toBeDefined();
    expect(find(either, ['67890', 2000])).toBeDefined();
    expect(find(either, ['67890', 500])).toBeUndefined();
  });

  it('leaves alone what was not passed', () => {
    expect(find([strike('!=', 1)], [])).toBeUndefined();
    expect(find([strike('!=', 1, { parameter: 'no such' })], [2])).toBeUndefined();
  });

  it('finds keys of a single object where another process declares the task', () => {
    const list = new StrikeList([strike('==', 'x', { parameter: 'customerId' })]);
    expect(list.find({ task: 'task', args: [{ customerId: 'x' }], parameters: undefined }, 0)).toBeDefined();
    expect(list.find({ task: 'task', args: [{ customerId: 'x' }, 1], parameters: undefined }, 0)).toBeUndefined();
  });

  it('drops rather than holds where both are asked for', () => {
    const drop = strike('>', 1);
    expect(find([strike('==', 5, { mode: 'hold' }), drop], [5])).toBe(drop);
  });

  it('passes over those that have expired', () => {
    const expired = strike('==', 5, { expiresAt: new Date(100) });
    expect(find([expired], [5], 'task', 99)).toBe(expired);
    expect(find([expired], [5], 'task', 100)).toBeUndefined();
    const other = strike('>', 3);
    expect(find([strike('>', 1, { expiresAt: new Date(100) }), other], [5], 'task', 100)).toBe(other);
  });

  it('tells of values that it cannot compare', () => {
    const told: string[] = [];
    const list = new StrikeList([strike('==', 5)], (task, parameter) => void told.push(`${task} ${parameter}`));
    list.find({ task: 'task', args: ['5'], parameters }, 0);
    expect(told).toEqual(['task value']);
    list.find({ task: 'task', args: [6], parameters }, 0);
    expect(told).toHaveLength(1);
  });

  it('finds one of very many as fast as one of few', () => {
    const time = (count: number, operator: StrikeOperator): number => {
      const list = new StrikeList(Array.from({ length: count }, (_, at) => strike(operator, -1 - at)));
      const look = (): number => {
        const start = process.hrtime.bigint();
        for (let turn = 0; turn < 2_000; turn += 1)
          list.find({ task: 'task', args: [operator === '<' ? turn : -turn * 20_000 - 20_000], parameters }, 0);
        return Number(process.hrtime.bigint() - start);
      };
      look();
      return Math.min(look(), look(), look());
    };
    for (const operator of ['==', '<', '>'] as const)
      // A look at each would take a thousand times as long.
      expect(time(10_000, operator) / time(10, operator)).toBeLessThan(100);
  });
});

describe('a strike', () => {
  it('is stored and read again with all that it has', () => {
    const full = strike('in', [1n, new Date(3), 'x'], {
      mode: 'hold',
      reason: "it's\nfraud",
      by: 'ada',
      since: new Date(5),
      expiresAt: new Date(7),
    });
    expect(decodeStrike(encodeStrike(full))).toEqual(full);
    const whole = strike(undefined);
    expect(decodeStrike(encodeStrike(whole))).toEqual(whole);
  });

  it('is the same for the same target', () => {
    expect(strikeId(strike('==', 5, { mode: 'hold', reason: 'x' }))).toBe(strikeId(strike('==', 5)));
    expect(strikeId(strike('==', { a: 1, b: [{ c: 2, d: -0 }] }))).toBe(
      strikeId(strike('==', { b: [{ d: 0, c: 2 }], a: 1 })),
    );
    expect(strikeId(strike('==', 5n))).toBe(strikeId(strike('==', 5)));
    expect(strikeId(strike('==', 2n ** 60n + 1n))).not.toBe(strikeId(strike('==', 2 ** 60)));
    expect(strikeId(strike('in', [1, 'a', { b: 1, c: 2 }]))).toBe(strikeId(strike('in', [{ c: 2, b: 1 }, 'a', 1])));
    expect(strikeId(strike('between', [1, 2]))).not.toBe(strikeId(strike('between', [2, 1])));
    const others = [strike('==', '5'), strike('!=', 5), strike('==', 5, { task: null }), strike(undefined)];
    expect(new Set(others.map(strikeId)).size).toBe(4);
  });

  it.each<[parameter: unknown, operator: unknown, value: unknown, message: RegExp]>([
    [undefined, undefined, undefined, /parameter .* is undefined.*where the task is null/],
    [7, '==', 1, /parameter .* is a number/],
    ['', '==', 1, /parameter/],
    ['p', '~', 1, /operator .* is a string.*==, !=, <, <=, >, >=, between, in/],
    ['p', undefined, 1, /operator .* is undefined/],
    ['p', '==', undefined, /value .* is undefined/],
    ['p', '==', () => {}, /is a function/],
    ['p', '<', true, /value .* is a boolean/],
    ['p', '>', { a: 1 }, /a number, bigint, string or Date/],
    ['p', '>', NaN, /a number, bigint, string or Date/],
    ['p', 'between', 5, /\[low, high\]/],
    ['p', 'between', [1, 2, 3], /\[low, high\]/],
    ['p', 'between', [1, '2'], /\[low, high\]/],
    ['p', 'in', [], /a list of values/],
    ['p', 'in', 'abc', /a list of values/],
  ])('is refused with %p %p %p', (parameter, operator, value, message) => {
    const make = (): unknown => strikeTarget('strike()', null, parameter, operator, value);
    expect(make).toThrow(TaskArgumentError);
    expect(make).toThrow(message);
  });
});
