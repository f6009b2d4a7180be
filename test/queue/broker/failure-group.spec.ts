import { describe, expect, it } from '@jest/globals';
import { failureGroupOf, kindOf } from '../../../lib/queue/broker/failure-group.js';

const kind = (message: string): string => kindOf({ name: 'Error', message }).message;

describe('the kind of an error', () => {
  it.each([
    ['order 17 was declined', 'order … was declined'],
    ['took 3.5 s of 2,000 ms', 'took … s of … ms'],
    ["no user 'ada'", 'no user …'],
    ['no user "ada" in `users`', 'no user … in …'],
    ['Unexpected token in "ada\nand bob"', 'Unexpected token in …'],
    [`Unexpected token in "ada ${'and bob '.repeat(50)}"`, 'Unexpected token in …'],
    ["can't connect, won't retry", "can't connect, won't retry"],
    ['mail to ada.l+x@example.com bounced', 'mail to … bounced'],
    ['GET https://api.example.com/v1/orders?id=7 failed', 'GET … failed'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'connect ECONNREFUSED …'],
    ['connect ECONNREFUSED ::1:5432', 'connect ECONNREFUSED …'],
    ['getaddrinfo ENOTFOUND db.internal:5432', 'getaddrinfo ENOTFOUND …'],
    ['row 3f2504e0-4f89-11d3-9a0c-0305e82c3301 is locked', 'row … is locked'],
    ['charge ch_1A2b3C is gone', 'charge … is gone'],
    ['HTTP 503: Service Unavailable', 'HTTP …: Service Unavailable'],
    ['Cannot read properties of undefined', 'Cannot read properties of undefined'],
    ['first line 1\nsecond line', 'first line …'],
    ['', ''],
  ])('leaves out what varies: %j', (message, expected) => {
    expect(kind(message)).toBe(expected);
  });

  it('is found in no time, however hostile the message', () => {
    const start = performance.now();
    for (const piece of ['a', '1', '::', "'", '@', 'a.', 'a-', '_1', '://', ' ']) kind(piece.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('does not change from version to version: groups of an older one would be counted apart', () => {
    expect(failureGroupOf('orders.process', { name: 'Error', message: 'order 17 was declined' })).toBe(
      failureGroupOf('orders.process', { name: 'Error', message: 'order 18 was declined' }),
    );
    expect(failureGroupOf('orders.process', { name: 'Error', message: 'order 17 was declined' })).toBe(
      'QQkuMWA8tr33tjSo',
    );
  });

  it('is told apart by task and by name', () => {
    const error = { name: 'Error', message: 'bad' };
    expect(failureGroupOf('a', error)).not.toBe(failureGroupOf('b', error));
    expect(failureGroupOf('a', error)).not.toBe(failureGroupOf('a', { ...error, name: 'TypeError' }));
  });
});
