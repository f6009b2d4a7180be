import { describe, expect, it } from '@jest/globals';
import { MemoryExecution } from '../../../../lib/queue/broker/memory/memory-execution.js';
import { MAX_ENDED, MemoryExecutions } from '../../../../lib/queue/broker/memory/memory-executions.js';
import { DEFAULT_RETENTION, Retention } from '../../../../lib/queue/broker/retention.js';

describe('executions in memory', () => {
  it('forget the oldest that have ended, when there are too many', () => {
    const executions = new MemoryExecutions(new Retention(DEFAULT_RETENTION));
    for (let at = 0; at < MAX_ENDED + 10; at += 1) {
      const execution = new MemoryExecution(
        `m${at}`,
        `k${at}`,
        { key: `k${at}`, name: 'task', args: '[]', priority: 0, when: undefined },
        0,
      );
      executions.add(execution);
      executions.end(execution, at % 2 === 0 ? 'failed' : 'completed', at);
    }
    expect(executions.find('m9')).toBeUndefined();
    expect(executions.find('m10')).toBeDefined();
    expect([...executions.newestEnded()]).toHaveLength(MAX_ENDED);
    expect([...executions.failureGroups].map((group) => group.size)).toEqual([MAX_ENDED / 2]);
  });
});
