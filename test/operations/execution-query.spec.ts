import { describe, expect, it } from '@jest/globals';
import {
  endedFilterOf,
  executionQueryOf,
  filterText,
  momentOfText,
  listingFilterOf,
} from '../../lib/operations/execution-query.js';

const NOW = Date.parse('2026-11-30T12:00:00Z');

describe('queries for executions', () => {
  it('reads the parameters of a URL, and leaves out the empty ones', () => {
    const query = {
      state: 'failed,running,failed',
      task: 'orders.process',
      error: '',
      limit: '20',
      cursor: 'abc',
    };
    expect(executionQueryOf(query)).toEqual({
      state: ['failed', 'running'],
      task: 'orders.process',
      limit: 20,
      cursor: 'abc',
    });
    expect(executionQueryOf({})).toEqual({});
  });

  it.each([
    [{ state: 'faild' }, "state is 'faild'. Pass one or several of scheduled, queued, "],
    [{ state: 5 }, 'state is 5. '],
    [{ limit: '0' }, "limit is '0'. Pass a whole number from 1 to 200."],
    [{ limit: '201' }, "limit is '201'."],
    [{ limit: '1e9' }, "limit is '1e9'."],
    [{ limit: '0x10' }, "limit is '0x10'."],
    [{ 'state[]': 'failed' }, "state[] is 'failed'. Pass no such parameter: state, "],
    [{ task: ['a', 'b'] }, 'task is an object. Pass a text, given once.'],
    [{ since: 'yesterday' }, "since is 'yesterday'. Pass an ISO time such as"],
    [{ until: '12' }, "until is '12'. Pass an ISO time"],
    [{ task: 'a\0' }, "task is 'a\\u0000'. Pass a text without the character NUL."],
    [{ worker: '\0' }, "worker is '\\u0000'. Pass a text without the character NUL."],
    // For new Date(), the next is the first of June.
    [{ until: '2026-01-01junk' }, "until is '2026-01-01junk'. Pass an ISO time"],
    [{ since: '2026-01' }, "since is '2026-01'. Pass an ISO time"],
  ])('refuses %p', (query, message) => {
    expect(() => executionQueryOf(query)).toThrow(message);
  });

  it('reads times as they are, or as a duration ago', () => {
    expect(momentOfText('since', '1h', NOW)).toEqual(new Date('2026-11-30T11:00:00Z'));
    expect(momentOfText('since', '2026-11-29', NOW)).toEqual(new Date('2026-11-29T00:00:00Z'));
    expect(momentOfText('until', '2026-11-29T10:30:00.5+02:00', NOW)).toEqual(new Date('2026-11-29T08:30:00.500Z'));
    expect(momentOfText('until', '2026-11-29 10:30Z', NOW)).toEqual(new Date('2026-11-29T10:30:00Z'));
    expect(listingFilterOf({ state: ['failed'], since: '1m', task: 'a' }, NOW)).toEqual({
      states: ['failed'],
      task: 'a',
      since: NOW - 60_000,
    });
  });

  it('takes only conditions on ended executions for bulk work', () => {
    expect(endedFilterOf({ state: ['failed', 'dropped'], until: '1d' }, NOW)).toEqual({
      state: ['failed', 'dropped'],
      until: new Date('2026-11-29T12:00:00Z'),
    });
    expect(() => endedFilterOf({ state: ['failed', 'running'] }, NOW)).toThrow(
      "state is 'running'. Pass states of ended",
    );
    expect(() => endedFilterOf({ worker: 'w1' }, NOW)).toThrow("worker is 'w1'. Pass no worker");
  });

  it('renders a filter in words', () => {
    expect(filterText({ state: ['failed', 'dropped'], task: 'a b', since: '1h' })).toBe(
      'state=failed,dropped task=a b since=1h',
    );
    expect(filterText({})).toBe('all');
  });
});
