import { describe, expect, it } from '@jest/globals';
import type { JobJson } from 'bullmq';
import { decodeKey, encodeKey } from '../../../lib/queue/brokers/bullmq/execution-id.js';
import { jobOf, recordOf, stateOf } from '../../../lib/queue/brokers/bullmq/job-codec.js';

const NOW = 1_800_000_000_000;
const EXECUTION = { key: 'k', name: 't', args: '[1]', priority: 0, when: undefined };

function jobLike(change: Partial<JobJson>): JobJson {
  return { ...jobOf(EXECUTION, 'id-1', NOW, true), ...change };
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

  it.each([true, false])('gives back what was added, keeps text: %s', (keepsText) => {
    for (const key of ['k', undefined, 'x'.repeat(1_000), '%#', '\0\uD800']) {
      const args = '["\\u0000",{"b":1,"a":2}]';
      const job = jobOf({ ...EXECUTION, key, args, priority: 3, when: NOW + 10.5 }, 'id-1', NOW, keepsText);
      expect(recordOf(job, 'scheduled')).toMatchObject({ key: key ?? 'id-1', args, when: NOW + 11, attempt: 1 });
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
