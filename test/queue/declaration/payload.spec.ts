import { describe, expect, it } from '@jest/globals';
import { decodeArgs, decodeResult, encodeArgs, encodeResult } from '../../../lib/queue/declaration/payload.js';
import { TaskArgumentError, TaskResultError } from '../../../lib/queue/broker/queue-errors.js';

const roundTrip = (...args: unknown[]): unknown[] => decodeArgs(encodeArgs('task', args));

describe('arguments', () => {
  it.each([
    ['none', []],
    ['JSON', [1, 'two', true, null, { three: [3, { four: 4 }] }]],
    ['dates, maps, sets, bigints', [new Date(1), new Map([[1, new Set([2n])]]), undefined, -0, Number.NaN, Infinity]],
    ['objects without a prototype', [Object.assign(Object.create(null), { a: 1n }) as object]],
    ['keys with dots and backslashes', [{ 'a.b': 1n, 'a\\.b': 2n, 'a\\b': 3n }]],
    ['bytes', [new Uint8Array([1, 2]), new Float64Array([0.5]), new Int16Array([-1])]],
    ['text that is no UTF-8', ['\ud800', '\0', '\u2028']],
    ['an object that looks like an envelope', [{ $superjson: 1 }, { $superjson: { json: 1n } }]],
    ['objects that look like marks', [{ $date: 5 }, { $ref: 0, b: 1n }, { $rich: [{ $undefined: 0 }] }, 1n]],
    ['keys that classes have', [{ driver: 1, constructor: 'Red Bull', prototype: [1n], toJSON: 5 }]],
  ])('arrive as they were: %s', (_what, args) => {
    expect(roundTrip(...args)).toStrictEqual(args.map((arg) => structuredClone(arg)));
  });

  it('are plain JSON where that is enough', () => {
    expect(encodeArgs('task', ['a', { b: [1, null] }])).toBe('["a",{"b":[1,null]}]');
  });

  it('keep what they share, and their circles', () => {
    const shared = { at: new Date(1) };
    const circle: Record<string, unknown> = { shared };
    circle['self'] = circle;
    const [first, second, third] = roundTrip(shared, [shared], circle) as [object, [object], typeof circle];
    expect(second[0]).toBe(first);
    expect(third['self']).toBe(third);
    expect(third['shared']).toBe(first);
  });

  /** So many levels, of which the innermost holds the leaf. */
  function nest(levels: number, leaf: unknown, wrap: (inner: unknown) => unknown = (inner) => [inner]): unknown {
    let value = leaf;
    for (let level = 0; level < levels; level += 1) value = wrap(value);
    return value;
  }

  const WRAPS: readonly (readonly [string, (inner: unknown) => unknown, leaf: unknown])[] = [
    ['arrays', (inner) => [inner], 1],
    ['objects', (inner) => ({ inner }), 1],
    ['objects around a Date', (inner) => ({ inner }), undefined],
    ['maps', (inner) => new Map([['inner', inner]]), 1],
    ['sets', (inner) => new Set([inner]), 1],
    ['instances', (inner) => Object.assign(new (class Box {})(), { inner }), 1],
  ];

  it.each(WRAPS)('may be a hundred levels deep, and no deeper: %s', (_what, wrap, leaf) => {
    expect(() => encodeArgs('task', [nest(100, leaf, wrap)])).not.toThrow();
    for (const levels of [101, 50_000]) {
      expect(() => encodeArgs('orders.process', ['first', nest(levels, leaf, wrap)])).toThrow(TaskArgumentError);
      expect(() => encodeArgs('orders.process', ['first', nest(levels, leaf, wrap)])).toThrow(
        /^args\[1\].{1,220} of task orders\.process is nested deeper than 100 levels\./,
      );
    }
  });

  it.each([
    ['the causes of an error', nest(50_000, 'why', (cause) => new Error('bad', { cause }))],
    ['what causes an error', new Error('bad', { cause: nest(50_000, 1) })],
    [
      'objects that their toJSON makes',
      {
        toJSON(): unknown {
          return { next: this };
        },
      },
    ],
  ])('may not be deeper either in %s', (_what, value) => {
    expect(() => encodeArgs('task', [value])).toThrow('nested deeper than 100 levels');
  });

  it('may have a cause that does not travel, which is left out', () => {
    const [error] = roundTrip(new Error('bad', { cause: { log: () => {} } })) as [Error];
    expect(error.message).toBe('bad');
  });

  it.each([
    ['text', 'x'.repeat(1_000), 'y'],
    ['text of three bytes a character', '€'.repeat(340), 'y'],
    ['many numbers', Array.from({ length: 500 }, () => 1), 'y'],
    ['what JSON has not', [new Date(1), 'x'.repeat(990)], 'y'],
    ['bytes', new Uint8Array(500), 'y'],
    ['a long key', { ['k'.repeat(1_000)]: 1 }, 'y'],
  ])('may be as large as they are allowed to, and no larger: %s', (_what, large, small) => {
    const size = Buffer.byteLength(encodeArgs('task', [small, large]));
    expect(() => encodeArgs('task', [small, large], size)).not.toThrow();
    const encode = (): string => encodeArgs('orders.process', [small, large], size - 1);
    expect(encode).toThrow(TaskArgumentError);
    expect(encode).toThrow(
      /^args(\[[01]\])? of task orders\.process is too large\. Allowed: up to [\d,]+ bytes in all/,
    );
    expect(encode).not.toThrow(/xxx|€€|kkk/);
  });

  it('that are too large together are named by the largest', () => {
    const shared = { at: new Date(1) };
    const args = [shared, [shared, { text: '€'.repeat(340), shared }], 'y'.repeat(200)];
    expect(() => encodeArgs('task', args, 1_100)).toThrow('args[1] of task task is too large');
  });

  it('that are far too large are refused without being written', () => {
    const shared = nest(60, 1, (inner) => [inner, inner]); // as JSON, more than there are atoms
    expect(() => encodeArgs('task', ['a', shared], 2 ** 20)).toThrow('args[1] of task task is too large');
    expect(() => encodeArgs('task', [{ shared, at: new Date(1) }], 2 ** 20)).toThrow(
      'args[0] of task task is too large',
    );
    const long = 'x'.repeat(2 ** 20);
    const endless = Array.from({ length: 2_000 }, () => long); // 2 GB of JSON, which no string holds
    const encode = (): string => encodeArgs('task', ['a', endless, new Date(1)], 2 ** 20);
    expect(encode).toThrow('args[1] of task task is too large. Allowed: up to 1,048,576 bytes in all');
  });

  it('that have a toJSON become what it says, and nothing else of them travels', () => {
    class Money {
      readonly #cents = 500;
      readonly log = (): void => {};
      toJSON(): object {
        return { cents: this.#cents, at: new Date(3) };
      }
    }
    expect(roundTrip({ price: new Money() })).toEqual([{ price: { cents: 500, at: new Date(3) } }]);
  });

  it('that are instances become plain objects, as deep as they are', () => {
    class Line {
      constructor(readonly at: Date) {}
      print(): void {}
    }
    const [order] = roundTrip({ lines: new Map([['a', new Line(new Date(2))]]) });
    expect(order).toStrictEqual({ lines: new Map([['a', { at: new Date(2) }]]) });
  });

  it('keep what they share beside many Dates', () => {
    const [at, early, late] = [new Date(1), { a: 1 }, { b: 2 }];
    const dates = Array.from({ length: 3_000 }, (_, index) => new Date(index));
    // The cause that is left out has a Date that counts for nothing.
    const error = new Error('bad', { cause: [new Date(2), () => {}] });
    const args = [early, error, [at, at, ...dates], at, early, late, late];
    const arrived = roundTrip(...args);
    expect(arrived.toSpliced(1, 1)).toStrictEqual(args.toSpliced(1, 1));
    const list = arrived[2] as Date[];
    expect([list[1], arrived[3], arrived[4], arrived[6]].map((each) => [list[0], ...arrived].indexOf(each))).toEqual([
      0, 0, 1, 6,
    ]);
  });

  it('that are boxed become the value in the box', () => {
    const boxed = [Object(5), Object('text'), Object(true), Object(5n)] as unknown[];
    expect(roundTrip(...boxed, { a: [Object(-0)] })).toStrictEqual([5, 'text', true, 5n, { a: [-0] }]);
  });

  it('keep no part of a cause that does not travel', () => {
    const shared = { at: new Date(1) };
    const error = new Error('bad', { cause: { more: [new Date(2), { log: () => {} }] } });
    const [first, second, third] = roundTrip(error, shared, shared) as [Error, object, object];
    expect(first.cause).toBeUndefined();
    expect(second).toStrictEqual(shared);
    expect(third).toBe(second);
  });

  it('that are errors keep name and message', () => {
    const [error] = roundTrip(new RangeError('too far')) as [Error];
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message]).toEqual(['RangeError', 'too far']);
  });

  it('that are Buffers arrive as bytes', () => {
    const [bytes] = roundTrip(Buffer.from('hé'));
    expect(bytes).toStrictEqual(new Uint8Array([104, 195, 169]));
  });

  it.each([
    ['args[0]', [() => 1]],
    ['args[1]', [1, Symbol('s')]],
    ['args[0].a[1].b', [{ a: [1, { b: function b() {} }] }]],
    ['args[0].get(…)', [new Map([['k', () => 1]])]],
    ['args[0].keys()', [new Map([[() => 1, 'v']])]],
    ['args[0][0]', [new Set([() => 1])]],
    ['args[0]', [Promise.resolve()]],
    ['args[0]', [new WeakMap()]],
    ['args[0]', [new ArrayBuffer(1)]],
    ['args[0]', [new DataView(new ArrayBuffer(1))]],
    ['args[0]', [new BigInt64Array(1)]],
    ['args[0].__proto__', [JSON.parse('{"__proto__":1}')]],
    ['args[0].a[0].__proto__', [{ a: [JSON.parse('{"__proto__":{"isAdmin":true}}')], b: 1n }]],
    ['args[0].toJSON().log', [{ toJSON: () => ({ log: () => 1 }) }]],
    ['args[0]', [new Date(Number.NaN)]],
  ])('are refused by name where they cannot travel: %s', (path, args) => {
    expect(() => encodeArgs('orders.process', args)).toThrow(TaskArgumentError);
    expect(() => encodeArgs('orders.process', args)).toThrow(`${path} of task orders.process is `);
  });
});

describe('results', () => {
  it('that are nothing take few bytes, and are not null', () => {
    expect(encodeResult('task', undefined).length).toBeLessThan(10);
    expect(encodeArgs('task', [])).toHaveLength(2);
    expect([undefined, null].map((value) => decodeResult(encodeResult('task', value)))).toEqual([undefined, null]);
  });

  it.each([
    ['a mark that nobody knows', '{"$rich":[{"$evil":1}]}'],
    ['a reference that leads nowhere', '{"$rich":[{"$ref":5}],"shared":true}'],
    ['a reference where there are none', '{"$rich":[{"a":1},{"$ref":0}]}'],
    ['a key that is a prototype', '{"$rich":[{"__proto__":{"a":1}}]}'],
    ['bytes of no type', '{"$rich":[{"$bytes":["constructor","AA=="]}]}'],
    ['a bigint that is none', '{"$rich":[{"$bigint":"x"}]}'],
    ['no list', '{"$rich":{"a":1}}'],
    ['a list that is cut off', '{"$rich":[1,'],
  ])('that are damaged throw: %s', (_what, text) => {
    expect(() => decodeArgs(text)).toThrow(/./);
    expect({}).not.toHaveProperty('a');
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [[1, 2]],
    [{ $superjson: 1 }],
    [{ $rich: 1 }],
    [new Map([[1n, undefined]])],
    ['"quoted'],
  ])('arrive as they were: %p', (value) => {
    expect(decodeResult(encodeResult('task', value))).toStrictEqual(value);
  });

  it('that are too large or too deep are told to who asks, too', () => {
    const large = encodeResult('orders.process', 'x'.repeat(200), 100);
    expect(() => decodeResult(large)).toThrow(TaskResultError);
    expect(() => decodeResult(large)).toThrow('result is too large. Allowed: up to 100 bytes in all');
    let deep: unknown = new Date(1);
    for (let level = 0; level < 5_000; level += 1) deep = [deep];
    expect(() => decodeResult(encodeResult('orders.process', deep))).toThrow('is nested deeper than 100 levels');
  });

  it.each([
    [() => 1, 'result is a function. Allowed: what JSON can hold'],
    [{ a: Symbol('s') }, 'result.a is a symbol. Allowed: '],
    [
      {
        toJSON() {
          throw new Error('not today');
        },
      },
      'not today',
    ],
  ])('that cannot be stored are told to who asks', (value, why) => {
    const encoded = encodeResult('orders.process', value);
    expect(() => decodeResult(encoded)).toThrow(TaskResultError);
    expect(() => decodeResult(encoded)).toThrow('The result of task orders.process cannot be stored');
    expect(() => decodeResult(encoded)).toThrow(why);
  });
});
