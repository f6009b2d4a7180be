import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { readError } from '../../../lib/queue/broker/stored.js';
import { restoreError, storeError } from '../../../lib/queue/declaration/stored-error.js';

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

  it('are cut where they are long', () => {
    const long = 'x'.repeat(1_000_000);
    const error = Object.assign(new Error(long), { name: long, stack: long, code: long, cause: new Error(long) });
    const stored = storeError(error);
    expect(stored.name).toBe(`${'x'.repeat(200)}… (999800 characters more)`);
    expect(stored.message).toBe(`${'x'.repeat(8_000)}… (992000 characters more)`);
    expect(stored.stack).toHaveLength(stored.message.length);
    expect(stored.code).toHaveLength(stored.name.length);
    expect(JSON.stringify(stored).length).toBeLessThan(40_000);
    expect(storeError(long).message.length).toBeLessThan(8_100);
  });

  it.each([
    ['text', 'oops', "'oops' was thrown"],
    ['nothing', undefined, 'undefined was thrown'],
    ['an object', { a: 1 }, 'a value of type Object was thrown'],
    [
      'an object with a message of another type',
      { message: {}, code: Number.NaN, status: '500' },
      'a value of type Object was thrown',
    ],
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
    expect(storeError(odd)).toEqual({ name: 'null', message: '5', code: 7 });
  });

  it.each([11_000, 14, -1, 0, 1.5])('keep a code that is the number %p', (code) => {
    const error = Object.assign(new Error('bad', { cause: Object.assign(new Error('worse'), { code }) }), { code });
    const restored = restoreError(storeError(error)) as Error & { code?: unknown };
    expect([restored.code, (restored.cause as { code?: unknown }).code]).toEqual([code, code]);
    expect(storeError(Object.assign(new Error('x'), { code: Number.NaN, status: Infinity }))).not.toHaveProperty(
      'code',
    );
  });

  it('keep what an HttpException answers', () => {
    const error = new BadRequestException(
      { field: 'email', why: 'taken' },
      { cause: new NotFoundException('no user') },
    );
    const restored = restoreError(storeError(error));
    expect(restored).toMatchObject({
      name: 'BadRequestException',
      status: 400,
      response: { field: 'email', why: 'taken' },
    });
    expect(restored.cause).toMatchObject({ status: 404, response: { message: 'no user', statusCode: 404 } });
    expect(restoreError(storeError(new HttpException('text', 418)))).toMatchObject({ status: 418, response: 'text' });
  });

  it('keep a response within bounds, and none of an HTTP client', () => {
    const large = storeError(new HttpException({ page: 'x'.repeat(100_000) }, 500));
    expect(large.response).toMatch(/^\{"page":"x+… \(92011 characters more\)$/);
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(storeError(new HttpException(circle, 500))).not.toHaveProperty('response');
    const client = Object.assign(new Error('Request failed'), {
      status: 503,
      response: { config: { auth: 'secret' } },
    });
    expect(storeError(client)).toMatchObject({ status: 503 });
    expect(storeError(client)).not.toHaveProperty('response');
  });

  it('keep the errors of an AggregateError', () => {
    const error = new AggregateError(
      [new TypeError('first'), 'second', Object.assign(new Error('third'), { code: 3 })],
      'all',
    );
    const restored = restoreError(storeError(error)) as AggregateError;
    expect(restored).toMatchObject({ name: 'AggregateError', message: 'all' });
    expect(restored.errors).toMatchObject([
      { name: 'TypeError', message: 'first' },
      { message: "'second' was thrown" },
      { message: 'third', code: 3 },
    ]);
    expect(Object.keys(restored)).toEqual([]);
  });

  it('say how many errors of an AggregateError were left out', () => {
    const many = storeError(new AggregateError(Array.from({ length: 100 }, (_, at) => new Error(`error ${at}`))));
    expect(many.errors?.map(({ message }) => message).slice(-2)).toEqual(['error 19', '… (80 errors more)']);
    let deep = new AggregateError([new Error('deepest')]);
    for (let level = 0; level < 10; level += 1) deep = new AggregateError([deep]);
    expect(JSON.stringify(storeError(deep))).toContain('… (1 errors more)');
    const wide = new AggregateError(Array.from({ length: 20 }, () => deep.errors[0] as Error));
    const circle = new AggregateError([wide, wide]);
    circle.errors.push(circle);
    expect(JSON.stringify(storeError(circle)).match(/"stack"/g)?.length).toBeLessThan(30);
  });

  it('are made of what a thrown object says', () => {
    const thrown = { message: 'duplicate key', code: '23505', status: 409, name: 'PostgrestError', details: 'secret' };
    const stored = { message: 'duplicate key', code: '23505', status: 409, name: 'PostgrestError' };
    expect(storeError(thrown)).toEqual(stored);
    expect(restoreError(storeError(new Error('x', { cause: thrown }))).cause).toMatchObject(stored);
    expect(storeError({ code: 14, status: 2 })).toMatchObject({ name: 'Error', code: 14, status: 2 });
    const long = storeError({ message: 'x'.repeat(1_000_000), name: 'n'.repeat(1_000) });
    expect(JSON.stringify(long).length).toBeLessThan(9_000);
  });

  it('are read again as they were stored, and nothing else is', () => {
    const error = new AggregateError([new HttpException({ a: 1 }, 400)], 'all', { cause: { code: 5, message: 'why' } });
    const stored = storeError(error);
    expect(readError(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
    expect(readError({ message: 5, code: {}, status: '1', errors: 'x', cause: 7 })).toEqual({
      name: 'Error',
      message: '',
    });
  });

  it('survive JSON', () => {
    const stored = storeError(new Error('NUL \0, surrogate \ud800', { cause: 'why' }));
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
  });
});
