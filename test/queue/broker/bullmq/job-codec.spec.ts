import { describe, expect, it } from '@jest/globals';
import type { JobJson } from 'bullmq';
import { decodeKey, encodeKey } from '../../../../lib/queue/broker/bullmq/encoded-key.js';
import { jobOf, recordOf, stateOf, storedProgress } from '../../../../lib/queue/broker/bullmq/job-codec.js';

const NOW = 1_800_000_000_000;
const EXECUTION = { key: 'k', name: 't', args: '[1]', priority: 0, when: undefined };

function jobLike(change: Partial<JobJson>): JobJson {
  return { ...jobOf(EXECUTION, 'id-1', NOW, String), ...change };
}

describe('job-codec', () => {
  it.each([
    ['waiting', {}, 'queued'],
    ['prioritized', {}, 'queued'],
    ['active', {}, 'running'],
    ['completed', {}, 'completed'],
    ['failed', {}, 'failed'],
    ['failed', { failedReason: 'job stalled more than allowable limit' }, 'failed'],
    ['failed', { failedReason: '{"state":"cancelled"}' }, 'cancelled'],
    ['delayed', { opts: { delay: 50 } }, 'scheduled'],
    ['delayed', {}, 'queued'],
    ['delayed', { opts: { delay: 50 }, attemptsMade: 1 }, 'retrying'],
    ['delayed', { failedReason: '{"isParked":true}' }, 'parked'],
    ['waiting-children', {}, undefined],
    ['unknown', {}, undefined],
  ])('reads a job that is %s', (state, change, expected) => {
    expect(stateOf(jobLike(change), state, NOW)).toBe(expected);
  });

  it.each([
    { data: 'text', dataOf: String },
    { data: 'JSON', dataOf: (text: string) => JSON.stringify(text) },
  ])('gives back what was added, with data as $data', ({ dataOf }) => {
    for (const key of ['k', undefined, 'x'.repeat(1_000), '%#', '\0\uD800']) {
      const args = '["\\u0000",{"b":1,"a":2}]';
      const job = jobOf({ ...EXECUTION, key, args, priority: 3, when: NOW + 10.5 }, 'id-1', NOW, dataOf);
      expect(recordOf(job, 'scheduled')).toMatchObject({ key: key ?? 'id-1', args, when: NOW + 11, attempt: 1 });
    }
  });

  it('reads what the last run had left of a job that was cancelled while it waited', () => {
    const before = JSON.stringify({ when: NOW + 5, since: NOW, args: '[2]', run: 3, isParked: true, reason: 'full' });
    const failedReason = JSON.stringify({ state: 'cancelled', reason: 'not wanted', before });
    const job = jobLike({ failedReason, finishedOn: NOW + 9, attemptsMade: 1 });
    expect(stateOf(job, 'failed', NOW)).toBe('cancelled');
    const record = recordOf(job, 'cancelled');
    expect(record).toMatchObject({ args: '[2]', run: 3, when: NOW + 5, since: NOW, reason: 'not wanted', attempt: 1 });
  });

  it.each(['{oops', 'null', '[]', '{"before":"{}"}', ''])(
    'reads a job that was cancelled though its last run had left %j',
    (before) => {
      const job = jobLike({ failedReason: JSON.stringify({ state: 'cancelled', reason: 'not wanted', before }) });
      expect(stateOf(job, 'failed', NOW)).toBe('cancelled');
      expect(recordOf(job, 'cancelled')).toMatchObject({ args: '[1]', reason: 'not wanted', run: 1 });
    },
  );

  it.each(['plain', 'NUL \0', '\ud800 half', 'a pair 😀', '', undefined])(
    'gives back progress that says %j',
    (message) => {
      const progress = { current: 1, total: 3, ...(message !== undefined && { message }) };
      const stored = JSON.stringify(storedProgress(progress, 2));
      expect(stored).not.toMatch(/[^\\]\\u0000|[^\\]\\ud800/); // which PostgreSQL refuses
      const job = jobLike({ progress: JSON.parse(stored) as object, attemptsStarted: 2 });
      expect(recordOf(job, 'running').progress).toEqual(progress);
    },
  );

  it.each(['{', '5', 7, null])('reads progress without its message where that is damaged: %p', (escaped) => {
    const job = jobLike({ progress: { start: 2, current: 1, total: 3, escaped }, attemptsStarted: 2 });
    expect(recordOf(job, 'running').progress).toEqual({ current: 1, total: 3 });
  });

  it('reads the schedule of the last run, else that of the addition, and none from what is damaged', () => {
    const added = { text: 'every 1', by: 'w1' };
    const later = { text: 'every 2', by: 'w2', isOverridden: true };
    const job = jobOf({ ...EXECUTION, extras: { isAutomatic: true, schedule: added } }, 'id-1', NOW, String);
    const extrasAfter = (memo: object): unknown =>
      recordOf({ ...job, failedReason: JSON.stringify(memo) }, 'scheduled').extras;
    expect(recordOf(job, 'scheduled').extras).toEqual({ isAutomatic: true, schedule: added });
    expect(extrasAfter({ schedule: later })).toEqual({ isAutomatic: true, schedule: later });
    for (const schedule of [7, null, 'every 2', [], {}, { text: 'every 2' }, { text: 1, by: 'w2' }]) {
      expect(extrasAfter({ schedule })).toEqual({ isAutomatic: true, schedule: added });
    }
  });

  it('reads the trace of an addition, and leaves out what is none: an execution runs without it', () => {
    const trace = { headers: { traceparent: '00-1' }, follows: [{ traceparent: '00-2' }] };
    const extrasOf = (stored: unknown): unknown => {
      const job = jobOf({ ...EXECUTION, extras: { trace: stored } as object }, 'id-1', NOW, String);
      return recordOf(job, 'scheduled');
    };
    expect(extrasOf(trace)).toMatchObject({ extras: { trace } });
    expect(extrasOf({ ...trace, follows: [null, { a: 1 }, ...trace.follows] })).toMatchObject({ extras: { trace } });
    for (const damaged of [7, null, 'x', [], {}, { headers: 5 }, { headers: { traceparent: 1 } }]) {
      expect(extrasOf(damaged)).not.toHaveProperty('extras');
      expect(extrasOf(damaged)).not.toHaveProperty('flaw');
    }
  });

  it('keeps keys apart, and long ones short', () => {
    const keys = ['%', '%0025', '%0000', '\0', '\uD800', '\uDFFF', '\uFFFD', '😀', 'x'.repeat(257), 'x'.repeat(258)];
    const encoded = keys.map(encodeKey);
    expect(new Set(encoded).size).toBe(keys.length);
    for (const [at, key] of keys.entries()) {
      expect(encoded[at]?.length).toBeLessThanOrEqual(256);
      expect(decodeKey(encoded[at] ?? '')).toBe(key.length > 256 ? undefined : key);
    }
  });
});
