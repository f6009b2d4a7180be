import { describe, expect, it } from '@jest/globals';
import { attentionOf, type FleetState } from '../../lib/operations/attention.js';

const COUNTS = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestWait: undefined };

function state(changes: Omit<Partial<FleetState>, 'stats'> & { stats?: object } = {}): FleetState {
  const { stats = {}, ...rest } = changes;
  return {
    pause: undefined,
    workers: 1,
    failures: [],
    ...rest,
    stats: { total: COUNTS, tasks: {}, isPaused: false, ...stats },
  };
}

const texts = (fleet: FleetState): string[] => attentionOf(fleet).map(({ text }) => text);

describe('attention', () => {
  it('is silent where nothing needs a person', () => {
    expect(texts(state())).toEqual([]);
    expect(texts(state({ workers: 0 }))).toEqual([]);
    expect(texts(state({ stats: { total: { ...COUNTS, waiting: 900, oldestWait: 59_000 } } }))).toEqual([]);
  });

  it('says that nobody works on what waits, in the queue or in the outbox', () => {
    expect(texts(state({ workers: 0, stats: { total: { ...COUNTS, waiting: 1, oldestWait: 5 } } }))).toEqual([
      'No worker is there, and 1 execution waits.',
    ]);
    expect(texts(state({ workers: 0, stats: { outbox: { waiting: 2, oldestWait: 5 } } }))).toEqual([
      'No worker is there, and 2 executions wait.',
    ]);
  });

  it('names a long wait once: a pause explains it', () => {
    const stats = { total: { ...COUNTS, waiting: 3, oldestWait: 90_000 } };
    expect(texts(state({ stats }))).toEqual(['The oldest execution has waited for 1m.']);
    expect(texts(state({ stats, pause: { since: '2026-11-30T12:00:00Z', reason: 'deploy' } }))).toEqual([
      'The queue is paused: deploy.',
    ]);
  });

  it('names the three greatest groups of failures, each with its view', () => {
    const group = { first: new Date(1), last: new Date(2), example: 'k' };
    const failures = ['a', 'b', 'c', 'd'].map((task, at) => ({
      ...group,
      task,
      count: 500 - at,
      error: { name: 'TypeError', message: 'no …' },
    }));
    const found = attentionOf(state({ failures }));
    expect(found.map(({ text }) => text)).toEqual([
      '500 executions of a failed in the last hour: TypeError: no …',
      '499 executions of b failed in the last hour: TypeError: no …',
      '498 executions of c failed in the last hour: TypeError: no …',
    ]);
    expect(found[0]).toMatchObject({
      level: 'error',
      view: 'executions?state=failed&task=a&kind=TypeError%3A+no+%E2%80%A6&since=1h',
    });
  });

  it('says that no relay takes the outbox', () => {
    expect(texts(state({ stats: { outbox: { waiting: 7, oldestWait: 120_000 } } }))).toEqual([
      '7 executions in the outbox, the oldest for 2m: no relay takes them.',
    ]);
  });
});
