import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as library from 'nestjs-tasks';
import { TasksError } from 'nestjs-tasks';
import { messagesIn } from '../support/messages.js';

const PAGE = readFileSync('docs/messages.md', 'utf8');
const LONGEST_SENTENCE = 25;
/** Reason or line that is written where it is used. */
const STRAY = /\breason(?::| =) (?:['"][^'"]|`).*|\blog\.write\([^)]*?['"`][A-Z].*/g;

const REASONS = messagesIn('lib/queue/broker/reasons.ts');
const LINES = messagesIn('lib/queue/log/log-lines.ts');

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

  it('lists the log lines of the queue with their levels, and no others', () => {
    expect(sorted(rowsOf('Log lines').map(([text, level]) => `${level}: ${text}`))).toEqual(
      sorted(LINES.map(({ path, text }) => `${path[0]}: ${text}`)),
    );
  });

  it('lists the codes of errors, and no others', () => {
    expect(sorted(rowsOf('Error codes').map(([code = '']) => code))).toEqual(sorted(codes()));
  });

  it('names the class of each error', () => {
    const classes = Object.entries(library).flatMap(([name, value]) =>
      typeof value === 'function' && (value.prototype as unknown) instanceof TasksError ? [name] : [],
    );
    expect(sorted([...new Set(rowsOf('Error codes').map(([, name]) => name))])).toEqual(sorted(classes));
  });

  it('says what each of them means, and what to do', () => {
    for (const row of ['Reasons', 'Log lines', 'Error codes'].flatMap(rowsOf)) {
      expect(row).toEqual([
        expect.any(String),
        expect.any(String),
        expect.stringMatching(/./),
        expect.stringMatching(/./),
      ]);
    }
  });
});

describe('a message of the queue', () => {
  it('stands where this test collects it', () => {
    const sources = readdirSync('lib/queue', { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const strays = sources.flatMap((name) => {
      const code = readFileSync(join('lib/queue', name), 'utf8').replaceAll(/^\s*\/?\*.*$/gm, '');
      return [...code.matchAll(STRAY)].map(([text]) => `${name}: ${text}`);
    });
    expect(sources.length).toBeGreaterThan(100);
    expect(strays).toEqual([]);
  });

  it.each([...REASONS, ...LINES].map(({ path, text }) => [path.join('.'), text]))(
    'has sentences of 25 words at most: %s',
    (_name, text = '') => {
      for (const sentence of text.split(/(?<=[.!?])\s+/)) {
        expect(sentence.split(/\s+/).length).toBeLessThanOrEqual(LONGEST_SENTENCE);
      }
    },
  );
});
