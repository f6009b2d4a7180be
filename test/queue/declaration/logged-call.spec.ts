import { describe, expect, it } from '@jest/globals';
import type { LoggedOptions } from '../../../lib/decorators/behaviour-metadata.js';
import { LoggedCall } from '../../../lib/queue/declaration/logged-call.js';
import { Parameters } from '../../../lib/queue/declaration/parameters.js';

function process(_customerId: unknown, _card?: unknown, _items?: unknown, _meta?: unknown): void {}

const names = new Map([
  [0, 'customerId'],
  [1, 'card'],
  [2, 'items'],
  [3, 'meta'],
]);
const parameters = new Parameters(process, { names, types: undefined });
const call = new LoggedCall(
  'orders.process',
  parameters,
  new Map([
    [0, {}],
    [2, { lengthOnly: true }],
    [3, { lengthOnly: true }],
  ]),
);

describe('LoggedCall', () => {
  it('shows what is logged, lengths where they are enough, and nothing of the rest', () => {
    expect(call.render(['12345', 'SECRET', ['a', 'b', 'c'], { a: 1, b: 2 }])).toBe(
      "orders.process(customerId='12345', card=…, items=[len 3], meta={len 2})",
    );
  });

  it('shows what was passed, and no more', () => {
    expect(call.render([7])).toBe('orders.process(customerId=7)');
    expect(call.render([])).toBe('orders.process()');
    expect(call.render([1, 2, 'x', 3, 'SECRET'])).toBe(
      'orders.process(customerId=1, card=…, items=[len 1], meta=3, …)',
    );
  });

  it.each<[unknown, string]>([
    ['four', '[len 4]'],
    [['a', 'b'], '[len 2]'],
    [new Uint8Array(5), '[len 5]'],
    [new Map([['a', 1]]), '{len 1}'],
    [new Set([1, 2, 3]), '{len 3}'],
    [{ a: 1 }, '{len 1}'],
    [12, '12'],
    [null, 'null'],
    [undefined, 'undefined'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('measures %p', (value, text) => {
    expect(call.render([1, 2, value])).toBe(`orders.process(customerId=1, card=…, items=${text})`);
  });

  it('keeps to a bearable length', () => {
    expect(call.render(['x'.repeat(100_000)]).length).toBeLessThan(1_000);
    expect(call.render([Array.from({ length: 10_000 }, () => 'x'.repeat(50))]).length).toBeLessThan(1_000);
  });

  it('hides what cannot be shown', () => {
    const hostile = {
      get [Symbol.toStringTag](): string {
        throw new Error('not for you');
      },
    };
    expect(call.render([hostile])).toBe('orders.process(customerId=…)');
  });

  it('shows the rest under its name', () => {
    const rest = new Parameters((_first: string, ..._others: string[]) => {}, { names: new Map(), types: undefined });
    expect(new LoggedCall('t', rest, new Map([[0, {}]])).render(['a', 'b', 'c'])).toBe(
      "t(_first='a', _others=…, _others=…)",
    );
  });

  it('shows all of the rest where it is logged', () => {
    const rest = new Parameters((_first: string, ..._others: string[]) => {}, { names: new Map(), types: undefined });
    const render = (options: LoggedOptions, args: unknown[]): string =>
      new LoggedCall('t', rest, new Map([[1, options]])).render(args);
    expect(render({}, ['a', 'b', 'c'])).toBe("t(_first=…, _others=[ 'b', 'c' ])");
    expect(render({ lengthOnly: true }, ['a', 'b', 'c'])).toBe('t(_first=…, _others=[len 2])');
    expect(render({}, ['a'])).toBe('t(_first=…)');
  });
});
