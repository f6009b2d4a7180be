import { FOLLOWS_RUN, type Cancellation, type ExecutionStore, type Foretell, type Listing } from '../broker.js';
import type { LiveFilter, LiveLook, LivePage } from '../live.js';
import { MemoryExecution, type Replacement } from './memory-execution.js';
import { listLive } from './memory-listing.js';
import type { MemoryQueue } from './memory-queue.js';
import { TaskDepths, type TaskDepth } from '../queue-depth.js';
import {
  isEnded,
  sinceAfterMove,
  type AddedExecution,
  type ChainSchedule,
  type ExecutionRecord,
  type KeyedExecution,
  type NewExecution,
} from '../record.js';

/** Executions of a memory broker. */
export class MemoryExecutionStore implements ExecutionStore {
  constructor(protected readonly queue: MemoryQueue) {}

  add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    return Promise.resolve(executions.map((execution) => this.queue.addOne(execution)));
  }

  replace(execution: KeyedExecution): Promise<string> {
    const id = execution.id ?? this.queue.newId();
    if (!this.queue.knows(execution)) this.queue.place({ id, execution });
    return Promise.resolve(id);
  }

  retime({ key, id, run, when: known }: ExecutionRecord, when: number, schedule?: ChainSchedule): Promise<boolean> {
    this.queue.promote();
    const execution = this.queue.executions.holderOf(key);
    const isSame = execution?.id === id && execution.run === run && execution.when === known;
    if (!isSame || (execution.state !== 'scheduled' && execution.state !== 'retrying')) return Promise.resolve(false);
    execution.since = sinceAfterMove(execution, when);
    if (schedule !== undefined) execution.extras = { ...execution.extras, schedule };
    this.queue.schedule(execution, execution.state, when, this.queue.clock.now());
    return Promise.resolve(true);
  }

  async cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<Cancellation> {
    for (;;) {
      const execution = this.queue.executions.holderOf(key);
      if (execution === undefined) return 'not-found';
      const { replacement } = execution;
      const isOther = id !== undefined && id !== execution.id;
      if (isOther && id !== replacement?.id) return 'not-found';
      if (!isOther && execution.state === 'running') {
        if (id === undefined) this.queue.withdraw(execution, reason);
        execution.cancellation = reason;
        this.queue.signals.tell({ type: 'cancel', id: execution.id });
        return 'signalled';
      }
      const { name } = isOther && replacement !== undefined ? replacement.execution : execution;
      await foretell?.({ id: id ?? execution.id, key, name });
      if (this.queue.executions.holderOf(key) !== execution || execution.replacement !== replacement) continue; // meanwhile
      if (isOther) return this.queue.withdraw(execution, reason, id) ? 'cancelled' : 'not-found';
      if (execution.state === 'running') continue;
      this.queue.cancelNow(execution, reason);
      return 'cancelled';
    }
  }

  get(key: string): Promise<ExecutionRecord | undefined> {
    this.queue.promote();
    this.queue.expire();
    return Promise.resolve(this.queue.executions.lastOf(key, this.queue.clock.now())?.toRecord());
  }

  find(id: string, key: string): Promise<ExecutionRecord | undefined> {
    this.queue.promote();
    this.queue.expire();
    const execution = this.queue.executions.find(id);
    if (execution !== undefined) return Promise.resolve(execution.toRecord());
    const replacement = this.queue.executions.holderOf(key)?.replacement;
    return Promise.resolve(replacement?.id === id ? this.recordOf(replacement) : undefined);
  }

  read(id: string, key: string): Promise<ExecutionRecord | undefined> {
    return this.find(id, key);
  }

  size(): Promise<number> {
    return Promise.resolve(this.queue.executions.size);
  }

  list(limit: number): Promise<Listing> {
    this.queue.promote();
    const records: ExecutionRecord[] = [];
    for (const execution of this.queue.executions) {
      if (records.length === limit) break;
      records.push(execution.toRecord());
    }
    return Promise.resolve({ counts: { ...this.queue.executions.counts }, records });
  }

  page(filter: LiveFilter, look: LiveLook): Promise<LivePage> {
    this.queue.promote();
    return Promise.resolve(listLive(this.queue.executions, filter, look));
  }

  depths(): Promise<TaskDepth[]> {
    this.queue.promote();
    const depths = new TaskDepths();
    for (const { name, state, when } of this.queue.executions) {
      if (state === 'queued') depths.addWaiting(name, when);
      else if (!isEnded(state)) depths.add(name, state);
    }
    return Promise.resolve(depths.list());
  }

  async clear(reason: string): Promise<number> {
    let cleared = 0;
    // A copy: others end while it waits.
    for (const execution of Array.from(this.queue.executions)) {
      const turn = this.queue.turn.pass();
      if (turn !== undefined) await turn;
      if (execution.endedAt !== undefined) continue;
      if (this.queue.withdraw(execution, reason)) cleared += 1;
      if (execution.state === 'running') continue;
      this.queue.cancelNow(execution, reason);
      cleared += 1;
    }
    return cleared;
  }

  private recordOf({ id, execution }: Replacement): ExecutionRecord {
    const record = new MemoryExecution(id, execution.key, execution, this.queue.clock.now()).toRecord();
    return { ...record, state: 'parked', reason: FOLLOWS_RUN };
  }
}
