import type { MemoryExecution } from './memory-execution.js';

/** Executions in the order in which they came, linked by themselves: each is in one list. */
export class ExecutionList {
  first: MemoryExecution | undefined;
  last: MemoryExecution | undefined;

  /** Iterates over them. Each may leave the list while it is looked at. */
  *[Symbol.iterator](): Generator<MemoryExecution> {
    for (let execution = this.first; execution !== undefined;) {
      const { after } = execution;
      yield execution;
      execution = after;
    }
  }

  push(execution: MemoryExecution): void {
    execution.before = this.last;
    execution.after = undefined;
    if (this.last === undefined) this.first = execution;
    else this.last.after = execution;
    this.last = execution;
  }

  unlink(execution: MemoryExecution): void {
    const { before, after } = execution;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    execution.before = undefined;
    execution.after = undefined;
  }
}

/** Iterates over executions of several lists, the last to have ended first. */
export function* newestFirst(lists: Iterable<ExecutionList>): Generator<MemoryExecution> {
  const heads = Array.from(lists, ({ last }) => last);
  for (;;) {
    let newest = -1;
    for (const [at, head] of heads.entries()) {
      if (head !== undefined && (newest === -1 || head.endNumber > (heads[newest] as MemoryExecution).endNumber)) {
        newest = at;
      }
    }
    const execution = heads[newest];
    if (execution === undefined) return;
    heads[newest] = execution.before;
    yield execution;
  }
}
