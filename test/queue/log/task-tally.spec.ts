import { describe, expect, it } from '@jest/globals';
import { readTallies, TaskTally, writeTallies } from '../../../lib/queue/log/task-tally.js';

describe('stored tallies', () => {
  it('are read as they were written', () => {
    const tally = new TaskTally();
    tally.added = 3;
    tally.cancelled = 1;
    tally.wait.add(12);
    const text = writeTallies([['__proto__', tally]]);
    const found = readTallies(text)?.get('__proto__') ?? {};
    const again = new TaskTally();
    again.merge(found);
    expect(again).toMatchObject({ added: 3, started: 0, cancelled: 1 });
    expect(again.wait.quantile(0.5)).toBe(12);
  });

  it('may have fields of another version', () => {
    const read = readTallies('{"version":9,"tasks":{"a":{"a":1,"later":"x","w":[1,2]}}}');
    expect([...(read ?? [])].map(([name]) => name)).toEqual(['a']);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"tasks":[]}',
    '{"tasks":{"a":1}}',
    '{"tasks":{"a":null}}',
    '{"tasks":{"a":{"a":"1"}}}',
    '{"tasks":{"a":{"a":-1}}}',
    '{"tasks":{"a":{"w":{}}}}',
    '{"tasks":{"a":{"w":[1]}}}',
    '{"tasks":{"a":{"u":[1,"2"]}}}',
    '{"tasks":{"a":{"u":[1.5,2]}}}',
  ])('are refused as a whole where they are %s', (text) => {
    expect(readTallies(text)).toBeUndefined();
  });
});
