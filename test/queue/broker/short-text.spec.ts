import { describe, expect, it } from '@jest/globals';
import { TaskArgumentError } from '../../../lib/queue/broker/queue-errors.js';
import { cutText, requireKey, requireReason } from '../../../lib/queue/broker/short-text.js';

describe('a short text', () => {
  it.each([
    ['', ''],
    ['x'.repeat(1_024), 'x'.repeat(1_024)],
    ['x'.repeat(1_025), `${'x'.repeat(1_021)}…`],
    ['€'.repeat(500), `${'€'.repeat(340)}…`],
    ['😀'.repeat(300), `${'😀'.repeat(255)}…`],
    [`x${'\ud800'.repeat(500)}`, `x${'\ud800'.repeat(340)}…`],
  ])('is cut at a kilobyte, between two characters', (text, cut) => {
    expect(cutText(text)).toBe(cut);
    expect(Buffer.byteLength(cutText(text))).toBeLessThanOrEqual(1_024);
  });

  it('is a key or a reason where it is short enough', () => {
    expect(requireKey('get()', '€'.repeat(341))).toBe('€'.repeat(341));
    expect(requireReason('cancel()', '')).toBe('');
  });

  it.each([
    ['', 'key of task get() is an empty string.'],
    [7, 'key of task get() is a number.'],
    ['€'.repeat(342), 'key of task get() is a string of 1,026 bytes. Allowed: up to 1,024 bytes of UTF-8'],
  ])('is refused as a key otherwise, and not shown: %p', (key, message) => {
    expect(() => requireKey('get()', key)).toThrow(TaskArgumentError);
    expect(() => requireKey('get()', key)).toThrow(message);
    expect(() => requireKey('get()', key)).not.toThrow('€');
  });
});
