import { describe, expect, it } from '@jest/globals';
import { painter } from '../../lib/cli/paint.js';
import { cutText, tableLines, type Column } from '../../lib/cli/table.js';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'COUNT', cell: ({ count }) => String(count), align: 'right' },
  { title: 'NOTE', cell: ({ note }) => note, style: () => 'red' },
];

const row = (name: string, count: number, note = ''): Row => ({ name, count, note });

describe('a table', () => {
  it('aligns texts to the left and numbers to the right', () => {
    expect(tableLines(COLUMNS, [row('a', 5, 'x'), row('longer', 12_000, 'y')])).toEqual([
      'NAME    COUNT  NOTE',
      'a           5  x',
      'longer  12000  y',
    ]);
  });

  it('cuts the last column at the width, and nothing where there is none', () => {
    const rows = [row('a', 1, 'a note of thirty-one characters')];
    expect(tableLines(COLUMNS, rows, { width: 24 })).toEqual(['NAME  COUNT  NOTE', 'a         1  a note of …']);
    expect(tableLines(COLUMNS, rows)[1]).toBe('a         1  a note of thirty-one characters');
  });

  it('is never wider than the terminal, whichever column is too long', () => {
    const lines = tableLines(COLUMNS, [row('name'.repeat(20), 1, 'note')], { width: 30 });
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(30);
    expect(lines[1]).toMatch(/…$/);
  });

  it('counts the columns that characters take', () => {
    expect(tableLines(COLUMNS, [row('日本', 1, 'x'), row('👩‍👩‍👧', 2, 'y'), row('abcd', 3, 'z')])).toEqual([
      'NAME  COUNT  NOTE',
      '日本      1  x',
      `👩‍👩‍👧${' '.repeat(4 + 2 + 5 - 1 - 2)}2  y`,
      'abcd      3  z',
    ]);
    expect(cutText('日本語', 4)).toBe('日…');
    expect(cutText('abc', 0)).toBe('');
  });

  it('escapes what a terminal would obey', () => {
    const [, line] = tableLines(COLUMNS, [row('a\u001b[2Jb', 1, 'c\r\nd\u009be')]);
    expect(line).toBe('a\\u001b[2Jb      1  c\\u000d\\u000ad\\u009be');
  });

  it('colours cells outside of their widths', () => {
    const [, line] = tableLines(COLUMNS, [row('a', 1, 'a long note')], { width: 18, paint: painter(true) });
    expect(line).toBe('a         1\u001b[31m  a lo…\u001b[39m');
  });
});
