import {
  matches,
  type EndedFilter,
  type EndedLook,
  type EndedPage,
  type EndedStore,
  type FailureGroupRecord,
  type Retried,
} from '../ended.js';
import { summaryOf } from '../live.js';
import type { EndState, ExecutionRecord } from '../record.js';
import { trailAfterRetry } from '../trail.js';
import type { MemoryExecution } from './memory-execution.js';
import type { MemoryQueue } from './memory-queue.js';

/** Ended executions of a memory broker. A cursor is the number of the last end that was told. */
export class MemoryEnded implements EndedStore {
  constructor(private readonly queue: MemoryQueue) {}

  page(filter: EndedFilter, { limit, cursor, isBrief = false }: EndedLook): Promise<EndedPage> {
    this.queue.expire();
    const before = cursor === undefined ? Infinity : Number(cursor);
    const records: ExecutionRecord[] = [];
    let last = 0;
    for (const execution of this.queue.executions.newestEnded()) {
      if (execution.endNumber >= before) continue;
      if (filter.since !== undefined && (execution.endedAt ?? 0) < filter.since) break;
      if (records.length === limit) return Promise.resolve({ records, cursor: String(last) });
      last = execution.endNumber;
      const record = execution.toRecord();
      if (this.isListed(execution, record) && matches(record, filter)) {
        records.push(isBrief ? summaryOf(record) : record);
      }
    }
    return Promise.resolve({ records });
  }

  failures(since: number): Promise<FailureGroupRecord[]> {
    this.queue.expire();
    const groups: FailureGroupRecord[] = [];
    for (const executions of this.queue.executions.failureGroups) {
      let [count, first] = [0, 0];
      let example: MemoryExecution | undefined;
      for (const execution of executions) {
        const { endedAt = 0 } = execution;
        if (endedAt < since) continue;
        if (count === 0) first = endedAt;
        count += 1;
        example = execution;
      }
      if (example !== undefined) {
        groups.push({ count, first, last: example.endedAt ?? first, example: example.toRecord() });
      }
    }
    return Promise.resolve(groups);
  }

  retry(id: string, until = Infinity): Promise<Retried> {
    this.queue.expire();
    const execution = this.find(id);
    if (execution === undefined) return Promise.resolve('not-found');
    const { executions, clock } = this.queue;
    const { endedAt = Infinity } = execution;
    if (endedAt === Infinity || endedAt > until || executions.holderOf(execution.key) !== undefined) {
      return Promise.resolve('already-scheduled');
    }
    const now = clock.now();
    execution.trail = trailAfterRetry(execution.toRecord(), now);
    execution.state = 'scheduled';
    executions.revive(execution);
    execution.run += 1;
    execution.attempt = 1;
    execution.crashes = 0;
    execution.isExcused = false;
    execution.wasLost = false;
    execution.since = now;
    execution.result = undefined;
    execution.error = undefined;
    execution.reason = undefined;
    execution.progress = undefined;
    execution.cancellation = undefined;
    this.queue.schedule(execution, 'scheduled', now, now);
    return Promise.resolve('retried');
  }

  forget(id: string, until = Infinity): Promise<boolean> {
    const execution = this.find(id);
    if (execution?.endedAt === undefined || execution.endedAt > until) return Promise.resolve(false);
    this.queue.executions.forget(execution);
    return Promise.resolve(true);
  }

  private find(id: string): MemoryExecution | undefined {
    const { executions } = this.queue;
    const execution = executions.find(id);
    return execution !== undefined && executions.wasAdded(execution) ? execution : undefined;
  }

  /** Without a retention, or an addition, it is stored for its handles only. */
  private isListed(execution: MemoryExecution, { name, state }: ExecutionRecord): boolean {
    const { executions, options } = this.queue;
    return options.retention.of(name, state as EndState) > 0 && executions.wasAdded(execution);
  }
}
