import { describe, expect, it } from '@jest/globals';
import { Parameters } from '../../../lib/queue/declaration/parameters.js';
import type { AnyFunction } from '../../../lib/scheduler/provider-classes.js';

const COMPUTED = 'computedName';

class Methods {
  #count = 0;

  none(): void {}
  plain(_customerId: string, _amount: number): void {}
  async later(_customerId: string, _amount = 10): Promise<void> {}
  *generated(_first: string): Generator<string> {
    yield 'x';
  }
  rest(_first: string, ..._others: string[]): void {}
  object({ customerId: _id, amount: _amount = 3 }: { customerId: string; amount?: number }): void {}
  open({ customerId: _id, ...others }: { customerId: string; more?: string }): object {
    return others;
  }
  list([_first]: [string], _second: number): void {}
  secret(_value: string): number {
    return (this.#count += 1);
  }
  single(_order: object): void {}
  [COMPUTED](_order: object): void {}
  tricky(_text = ')', _more = { a: (_b: string): string => `${')'}` }): void {}
}

const methods = Methods.prototype as unknown as Record<string, AnyFunction>;

function parametersOf(name: string, names: [number, string][] = [], types?: unknown[]): Parameters {
  return new Parameters(methods[name] as AnyFunction, { names: new Map(names), types });
}

describe('Parameters', () => {
  it.each<[method: string, names: string[], required: string[]]>([
    ['none', [], []],
    ['plain', ['_customerId', '_amount'], ['_customerId', '_amount']],
    ['later', ['_customerId', '_amount'], ['_customerId']],
    ['generated', ['_first'], ['_first']],
    ['rest', ['_first', '_others'], ['_first']],
    ['object', ['customerId', 'amount'], ['#1']],
    ['list', ['_second'], ['#1', '_second']],
    ['secret', ['_value'], ['_value']],
    ['computedName', ['_order'], ['_order']],
    ['tricky', ['_text', '_more'], []],
  ])('reads the names of %s from its source', (method, names, required) => {
    expect(parametersOf(method).names).toEqual(names);
    expect(parametersOf(method).required).toEqual(required);
  });

  it('reads those of functions and arrows, and none of what has no source', () => {
    const of = (func: AnyFunction): string[] => new Parameters(func, { names: new Map(), types: undefined }).names;
    expect(of((a: string, b: string) => a + b)).toEqual(['a', 'b']);
    expect(of(async (a: string) => a)).toEqual(['a']);
    expect(
      of(function (a: string) {
        return a;
      }),
    ).toEqual(['a']);
    expect(of(Math.max)).toEqual([]);
    expect(of(methods['plain']?.bind(undefined) as AnyFunction)).toEqual([]);
  });

  it('takes the names of @Arg() before those of the source', () => {
    const parameters = parametersOf('plain', [[0, 'customer']]);
    expect(parameters.names).toEqual(['customer', '_amount']);
    expect(parameters.locate(['x', 1], 'customer')).toEqual({ isFound: true, value: 'x' });
    expect(parameters.locate(['x', 1], '_customerId')).toEqual({ isFound: false });
  });

  it('finds values by name, by key of a single object, and the rest as a list', () => {
    const value = (method: string, args: unknown[], name: string): unknown => {
      const located = parametersOf(method).locate(args, name);
      return located.isFound ? located.value : 'not found';
    };
    expect(value('plain', ['x', 5], '_amount')).toBe(5);
    expect(value('plain', ['x'], '_amount')).toBe('not found');
    expect(value('plain', [{ key: 1 }, 5], 'key')).toBe('not found');
    expect(value('single', [{ key: 1 }], 'key')).toBe(1);
    expect(value('single', [{ key: 1 }], 'toString')).toBe('not found');
    expect(value('single', [[1, 2]], 'length')).toBe('not found');
    expect(value('single', [{ key: 1 }], '_order')).toEqual({ key: 1 });
    expect(value('rest', ['a', 'b', 'c'], '_others')).toEqual(['b', 'c']);
    expect(value('object', [{ customerId: 'x' }], 'customerId')).toBe('x');
  });

  it('gives the rest as a list, by position and by name', () => {
    const rest = parametersOf('rest');
    expect([rest.valueAt(['a', 'b', 'c'], 0), rest.valueAt(['a', 'b', 'c'], 1)]).toEqual(['a', ['b', 'c']]);
    expect(rest.valueAt(['a'], 1)).toEqual([]);
    expect(rest.locate(['a'], '_others')).toEqual({ isFound: true, value: [] });
    expect(parametersOf('plain').valueAt(['x', 5], 1)).toBe(5);
  });

  it.each<[method: string, name: string, types: unknown[] | undefined, may: boolean]>([
    ['plain', '_amount', undefined, true],
    ['plain', 'ammount', undefined, false],
    ['single', 'anything', undefined, true],
    ['single', 'anything', [Object], true],
    ['single', 'anything', [String], false],
    ['single', 'anything', [Number], false],
    ['object', 'customerId', undefined, true],
    ['object', 'anything', undefined, false],
    ['open', 'anything', undefined, true],
    ['none', 'anything', undefined, false],
  ])('says whether an execution of %s may have a %s', (method, name, types, may) => {
    expect(parametersOf(method, [], types).mayHave(name)).toBe(may);
  });
});
