import { HANDLE_RETENTION } from '../broker.js';
import type { MemoryExecution } from './memory-execution.js';
import type { EndState, LiveState } from '../record.js';

/**
 * Executions of a memory broker: those that have not ended, in the order of their addition, and for a while those
 * that have, in the order of their ends. Both are linked lists; an end moves an execution from one to the other, and
 * leaves the maps as they are.
 */
export class MemoryExecutions {
  readonly counts: Record<LiveState, number> = { scheduled: 0, queued: 0, parked: 0, running: 0, retrying: 0 };
  size = 0;

  private readonly byId = new Map<string, MemoryExecution>();
  /** Execution that has the key, or was the last to have it. */
  private readonly byKey = new Map<string, MemoryExecution>();
  private first: MemoryExecution | undefined;
  private last: MemoryExecution | undefined;
  private firstEnded: MemoryExecution | undefined;
  private lastEnded: MemoryExecution | undefined;
  /** Time for which ended executions are kept, in milliseconds. */
  private readonly memory: number;

  constructor(private readonly retention: number) {
    this.memory = Math.max(retention, HANDLE_RETENTION);
  }

  /** Iterates over live executions. Each may end while it is looked at. */
  *[Symbol.iterator](): Generator<MemoryExecution> {
    for (let execution = this.first; execution !== undefined;) {
      const { after } = execution;
      yield execution;
      execution = after;
    }
  }

  /** Finds an execution until it is forgotten. */
  find(id: string): MemoryExecution | undefined {
    return this.byId.get(id);
  }

  /** Returns the execution that has the key. */
  holderOf(key: string): MemoryExecution | undefined {
    const execution = this.byKey.get(key);
    return execution?.endedAt === undefined ? execution : undefined;
  }

  /** Returns the execution that has the key, or was the last to have it and ended less than `retention` ago. */
  lastOf(key: string, now: number): MemoryExecution | undefined {
    const execution = this.byKey.get(key);
    if (execution?.endedAt === undefined) return execution;
    return execution.endedAt + this.retention > now ? execution : undefined;
  }

  add(execution: MemoryExecution): void {
    this.byId.set(execution.id, execution);
    this.byKey.set(execution.key, execution);
    execution.before = this.last;
    if (this.last === undefined) this.first = execution;
    else this.last.after = execution;
    this.last = execution;
    this.size += 1;
    this.counts[execution.state as LiveState] += 1;
  }

  move(execution: MemoryExecution, state: LiveState): void {
    this.counts[execution.state as LiveState] -= 1;
    this.counts[state] += 1;
    execution.state = state;
  }

  end(execution: MemoryExecution, state: EndState, now: number): void {
    this.counts[execution.state as LiveState] -= 1;
    this.size -= 1;
    this.unlink(execution);
    this.remember(execution, state, now);
  }

  /** Notes the end of an execution that was never added: it can be found by its id. */
  noteEnd(execution: MemoryExecution, state: EndState, now: number): void {
    this.byId.set(execution.id, execution);
    this.remember(execution, state, now);
  }

  /** Forgets those that ended long enough ago. */
  expire(now: number): void {
    for (let first = this.firstEnded; first?.endedAt !== undefined && first.endedAt + this.memory <= now;) {
      const { after, id, key }: MemoryExecution = first;
      first.after = undefined;
      this.byId.delete(id);
      if (this.byKey.get(key) === first) this.byKey.delete(key);
      this.firstEnded = after;
      if (after === undefined) this.lastEnded = undefined;
      first = after;
    }
  }

  private remember(execution: MemoryExecution, state: EndState, now: number): void {
    execution.state = state;
    execution.endedAt = now;
    if (this.lastEnded === undefined) this.firstEnded = execution;
    else this.lastEnded.after = execution;
    this.lastEnded = execution;
  }

  private unlink(execution: MemoryExecution): void {
    const { before, after } = execution;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    execution.before = undefined;
    execution.after = undefined;
  }
}
