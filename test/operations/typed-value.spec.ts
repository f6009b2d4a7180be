import { describe, expect, it } from '@jest/globals';
import { parseTypedValue, typedValueText } from '../../lib/operations/typed-value.js';

describe('typed values', () => {
  it.each([
    ['12345', '12345'],
    ['', ''],
    ['a:b', 'a:b'],
    ['toString:1', 'toString:1'],
    ['text:int:5', 'int:5'],
    ['int:5', 5],
    ['int:-7', -7],
    ['int:9007199254740993', 9007199254740993n],
    ['number:1.5', 1.5],
    ['bool:true', true],
    ['bool:false', false],
    ['date:2026-01-01', new Date('2026-01-01')],
    ['json:["a",1,null]', ['a', 1, null]],
  ])('reads %s', (text, value) => expect(parseTypedValue(text)).toEqual(value));

  it.each([
    'int:5.5',
    'int:',
    'int:five',
    'number:',
    'number:NaN',
    'number:Infinity',
    'bool:yes',
    'date:soon',
    'json:{',
  ])('refuses %s, and says what to pass', (text) => {
    expect(() => parseTypedValue(text)).toThrow(`value is '${text}'. Pass text, 'int:5', `);
  });

  it.each(['12345', 'int:5', 'json:', 'a:b', 5, -0.5, 2n ** 70n, true, new Date(5), ['a', 1], { a: [1] }, null])(
    'writes %p so that it reads the same',
    (value) => expect(parseTypedValue(typedValueText(value))).toEqual(value),
  );
});
