import { describe, expect, it } from '@jest/globals';
import { escapeControls, labelText, messageText, stackText } from '../../lib/task/log-text.js';

const RANGES = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x61c, 0x61c],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
] as const;
const HARMFUL = RANGES.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index)),
);

describe('the text of a line', () => {
  it('has no character that ends it, steers a terminal or turns its direction', () => {
    for (const char of HARMFUL) {
      const escape = `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
      expect(escapeControls(`a${char}b${char}`)).toBe(`a${escape}b${escape}`);
    }
  });

  it.each(['', 'plain', 'Zoë, 東京, שלום, 👩‍👩‍👧', '\\u000a', 'a\u00a0b', 'e\u0301'])('keeps all others: %j', (text) => {
    for (const cutting of [messageText, stackText, labelText]) expect(cutting(text)).toBe(text);
  });

  it.each([
    [messageText, 2_000],
    [stackText, 8_000],
    [labelText, 200],
  ])('is cut, and says how much is missing: %p', (cutting, limit) => {
    expect(cutting('x'.repeat(limit))).toBe('x'.repeat(limit));
    expect(cutting('x'.repeat(limit + 7))).toBe(`${'x'.repeat(limit)}… (7 characters more)`);
    expect(cutting('東'.repeat(limit))).toMatch(/^東+… \(\d+ characters more\)$/);
    for (const char of ['東', '👩', '\u001b', '\ud800']) {
      const text = cutting(char.repeat(1_000_000));
      expect(Buffer.byteLength(text)).toBeLessThan(limit + 50);
      expect(text).toMatch(/… \(\d+ characters more\)$/);
    }
  });

  it('is cut between characters', () => {
    expect(messageText('👩'.repeat(1_000))).toBe(`${'👩'.repeat(500)}… (1000 characters more)`);
  });
});

describe('the text of a stack', () => {
  it('keeps line feeds and tabs alone', () => {
    expect(stackText('Error: a\n\tat b\r\n    at \u001b[2Jc\u2028')).toBe(
      'Error: a\n\tat b\\u000d\n    at \\u001b[2Jc\\u2028',
    );
  });
});
