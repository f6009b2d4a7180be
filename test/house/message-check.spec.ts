import { describe, expect, it } from '@jest/globals';
import { longSentencesIn } from '../../scripts/message-check.js';

const words = (count: number): string => Array.from({ length: count }, (_, at) => `w${at}`).join(' ');
const found = (source: string): number[] => longSentencesIn(source).map((sentence) => sentence.words);

describe('the check of messages', () => {
  it('finds a sentence of more than 25 words', () => {
    expect(found(`fail('T${words(25)}. T${words(26)}.')`)).toEqual([26]);
    expect(found(`fail('T${words(25)}')`)).toEqual([]);
  });

  it('counts a word for what the message has before a fragment', () => {
    expect(found(`fail('${words(25)}')`)).toEqual([26]);
  });

  it('counts a value of a template as one word, and the longer text of a condition in full', () => {
    expect(found(`fail(\`T\${value} ${words(25)}\`)`)).toEqual([26]);
    expect(found(`fail(\`T \${is ? 'a b c' : \`d\`} ${words(22)}\`)`)).toEqual([26]);
  });

  it('reads sums, and constants of the file', () => {
    expect(found(`const REST = 'a b c'; fail(\`T \${REST} \` + '${words(22)}')`)).toContain(26);
  });

  it('leaves statements of SQL alone', () => {
    expect(found(`query('SELECT ${words(30)}')`)).toEqual([]);
    expect(found(`fail('Select ${words(30)}')`)).toEqual([31]);
  });
});
