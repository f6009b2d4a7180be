import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as library from 'nestjs-tasks';
import * as outbox from 'nestjs-tasks/outbox';
import { TasksError } from 'nestjs-tasks';
import { InputError } from '../../lib/operations/input-error.js';
import { messagesIn } from '../support/messages.js';

const PAGE = readFileSync('docs/messages.md', 'utf8');
const LONGEST_SENTENCE = 25;
/** Reason of the queue, or log line, that is written where it is used. */
const STRAY_REASON = /\breason(?::| =) (?:['"][^'"]|`).*/g;
const STRAY_LINE = /\.write\(\s*(?:'\w+'|\w+),[^)]*?['"`][A-Z].*/g;

const REASONS = messagesIn('lib/queue/broker/reasons.ts');
const LINES = messagesIn('lib/queue/log/log-lines.ts');
const TASK_LINES = messagesIn('lib/task/task-lines.ts');
const DASHBOARD_LINES = messagesIn('lib/dashboard/dashboard-lines.ts');

/** Cells of the rows of a section's table, without the head. */
function rowsOf(section: string): string[][] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  );
}

/** Codes in the source: of each class of errors, and of the cases of `TasksUsageError`. */
function codes(): string[] {
  const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const sources = files.map((name) => readFileSync(join('lib', name), 'utf8'));
  const own = sources.flatMap((source) => [...source.matchAll(/readonly code(?:: string)? = '(\w+)'/g)]);
  const [, cases = ''] = /type TasksUsageCode =([^;]*);/.exec(readFileSync('lib/task/usage-errors.ts', 'utf8')) ?? [];
  return [...own, ...cases.matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
}

/** Sorted, for a comparison. An empty list means that nothing was found, not that all is well. */
function sorted(texts: readonly (string | undefined)[]): string[] {
  if (texts.length < 10) throw new RangeError(`Only ${texts.length} were found`);
  return texts.map(String).toSorted();
}

describe('docs/messages.md', () => {
  it('lists the reasons of the queue, and no others', () => {
    expect(sorted(rowsOf('Reasons').map(([text = '']) => text))).toEqual(sorted(REASONS.map(({ text }) => text)));
  });

  it.each([
    ['the queue', 'Log lines', LINES],
    ['every task', 'Log lines of every task', TASK_LINES],
    ['the dashboard', 'Log lines of the dashboard', DASHBOARD_LINES],
  ])('lists the log lines of %s with their levels, and no others', (_of, section, lines) => {
    expect(sorted(rowsOf(section).map(([text, level]) => `${level}: ${text}`))).toEqual(
      sorted(lines.map(({ path, text }) => `${path[0]}: ${text}`)),
    );
  });

  it('lists the codes of errors, and no others', () => {
    expect(sorted(rowsOf('Error codes').map(([code = '']) => code))).toEqual(sorted(codes()));
  });

  it('names the class of each error', () => {
    const classes = Object.entries({ ...library, ...outbox, InputError }).flatMap(([name, value]) =>
      typeof value === 'function' && (value.prototype as unknown) instanceof TasksError ? [name] : [],
    );
    expect(sorted([...new Set(rowsOf('Error codes').map(([, name]) => name))])).toEqual(sorted(classes));
  });

  it('says what each of them means, and what to do', () => {
    const sections = ['Reasons', 'Log lines', 'Log lines of every task', 'Log lines of the dashboard', 'Error codes'];
    for (const row of sections.flatMap(rowsOf)) {
      expect(row).toEqual([
        expect.any(String),
        expect.any(String),
        expect.stringMatching(/./),
        expect.stringMatching(/./),
      ]);
    }
  });
});

describe('a message', () => {
  it.each([
    ['reason', 'lib/queue', STRAY_REASON],
    ['log line', 'lib', STRAY_LINE],
  ])('stands where this test collects it: %s', (_kind, folder, pattern) => {
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const strays = sources.flatMap((name) => {
      const code = readFileSync(join(folder, name), 'utf8').replaceAll(/^\s*\/?\*.*$/gm, '');
      return [...code.matchAll(pattern)].map(([text]) => `${name}: ${text}`);
    });
    expect(sources.length).toBeGreaterThan(100);
    expect(strays).toEqual([]);
  });

  it.each([...REASONS, ...LINES, ...TASK_LINES, ...DASHBOARD_LINES].map(({ path, text }) => [path.join('.'), text]))(
    'has sentences of 25 words at most: %s',
    (_name, text = '') => {
      for (const sentence of text.split(/(?<=[.!?])\s+/)) {
        expect(sentence.split(/\s+/).length).toBeLessThanOrEqual(LONGEST_SENTENCE);
      }
    },
  );
});
