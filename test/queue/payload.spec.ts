import { describe, expect, it } from '@jest/globals';
import {
  decodeArgs,
  decodeResult,
  encodeArgs,
  encodeResult,
  restoreError,
  storeError,
} from '../../lib/queue/payload.js';
import { TaskArgumentError, TaskResultError } from '../../lib/queue/queue-errors.js';

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

  it('may be deep', () => {
    let deep: unknown = new Date(5);
    for (let depth = 0; depth < 500; depth += 1) deep = { deep };
    expect(roundTrip(deep)).toEqual([deep]);
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
    ["args[0].get('k')", [new Map([['k', () => 1]])]],
    ['args[0].keys()', [new Map([[() => 1, 'v']])]],
    ['args[0][0]', [new Set([() => 1])]],
    ['args[0]', [Promise.resolve()]],
    ['args[0]', [new WeakMap()]],
    ['args[0]', [new ArrayBuffer(1)]],
    ['args[0]', [new DataView(new ArrayBuffer(1))]],
    ['args[0]', [new BigInt64Array(1)]],
    ['args[0].constructor', [{ constructor: 1 }]],
    ['args[0].a.prototype', [{ a: { prototype: 1, b: 1n } }]],
    ['args[0]', [new Date(Number.NaN)]],
  ])('are refused by name where they cannot travel: %s', (path, args) => {
    expect(() => encodeArgs('orders.process', args)).toThrow(TaskArgumentError);
    expect(() => encodeArgs('orders.process', args)).toThrow(`${path} of task orders.process is `);
  });
});

describe('results', () => {
  it.each([[undefined], [null], ['text'], [[1, 2]], [{ $superjson: 1 }], [new Map([[1n, undefined]])], ['"quoted']])(
    'arrive as they were: %p',
    (value) => {
      expect(decodeResult(encodeResult('task', value))).toStrictEqual(value);
    },
  );

  it.each([
    [() => 1, 'result is a function. Allowed: what JSON can hold'],
    [{ a: Symbol('s') }, 'result.a is Symbol(s)'],
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
    expect(() => decodeResult(encoded)).toThrow('What task orders.process returned cannot be stored');
    expect(() => decodeResult(encoded)).toThrow(why);
  });
});

describe('errors', () => {
  it('keep name, message, code, stack and causes', () => {
    const error = Object.assign(new TypeError('bad', { cause: new Error('worse') }), { code: 'E_BAD', secret: 1 });
    const restored = restoreError(storeError(error)) as Error & { code?: string };
    expect(restored).toBeInstanceOf(Error);
    expect([restored.name, restored.message, restored.code, restored.stack]).toEqual([
      'TypeError',
      'bad',
      'E_BAD',
      error.stack,
    ]);
    expect((restored.cause as Error).message).toBe('worse');
    expect(restored).not.toHaveProperty('secret');
    expect(Object.keys(restored)).toEqual(['code']);
  });

  it('keep four causes at most, and end where a circle begins', () => {
    const circle = new Error('circle');
    circle.cause = circle;
    let depth = 0;
    for (let at: Error | undefined = restoreError(storeError(circle)); at; at = at.cause as Error | undefined)
      depth += 1;
    expect(depth).toBe(5);
  });

  it.each([
    ['text', 'oops', "'oops' was thrown"],
    ['nothing', undefined, 'undefined was thrown'],
    ['an object', { a: 1 }, 'a value of type Object was thrown'],
  ])('are made of %s', (_what, thrown, message) => {
    expect(storeError(thrown)).toEqual({ name: 'Error', message });
  });

  it('are made of what refuses to be read', () => {
    const hostile = new Error('x');
    Object.defineProperty(hostile, 'message', {
      get: () => {
        throw new Error('no');
      },
    });
    expect(storeError(hostile)).toEqual({ name: 'Error', message: 'an error that cannot be described' });
    const odd = Object.assign(new Error('x'), { message: 5, name: null, code: 7, stack: 1 });
    expect(storeError(odd)).toEqual({ name: 'null', message: '5' });
  });

  it('survive JSON', () => {
    const stored = storeError(new Error('NUL \0, surrogate \ud800', { cause: 'why' }));
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
  });
});
