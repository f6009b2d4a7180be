import { failureGroupOf } from '../failure-group.js';
import { storedFor, type Retention } from '../retention.js';
import { ExecutionList, newestFirst } from './execution-list.js';
import type { MemoryExecution } from './memory-execution.js';
import type { EndState, LiveState } from '../record.js';

/** Most ended executions in memory: a task that fails all day must not fill it. The oldest go first. */
export const MAX_ENDED = 100_000;

/**
 * Executions of a memory broker: those that have not ended, in the order of their addition, and for a while those
 * that have, in the order of their ends. All are linked lists; an end moves an execution from one to another, and
 * leaves the maps as they are.
 */
export class MemoryExecutions {
  readonly counts: Record<LiveState, number> = { scheduled: 0, queued: 0, parked: 0, running: 0, retrying: 0 };
  size = 0;

  private readonly byId = new Map<string, MemoryExecution>();
  /** Execution that has the key, or was the last to have it. */
  private readonly byKey = new Map<string, MemoryExecution>();
  private readonly live = new ExecutionList();
  /** Ended ones, by the time for which they are stored: few tasks have a retention of their own. */
  private readonly ended = new Map<number, ExecutionList>();
  /** Failed ones by group, in the order of their ends. */
  private readonly failures = new Map<string, Set<MemoryExecution>>();
  /** Replacements that were withdrawn before the run had ended that they were to follow. */
  private readonly withdrawn = new WeakSet<MemoryExecution>();
  /** Time and list of the last end: nearly all end in the same state as the one before. */
  private lastStay = NaN;
  private lastList = this.live;
  private ends = 0;
  /** Number of ended executions that are stored. */
  private endedCount = 0;

  constructor(private readonly retention: Retention) {}

  /** Iterates over live executions. Each may end while it is looked at. */
  [Symbol.iterator](): Generator<MemoryExecution> {
    return this.live[Symbol.iterator]();
  }

  /** Finds an execution until it is forgotten. */
  find(id: string): MemoryExecution | undefined {
    return this.byId.get(id);
  }

  /** Tells whether an execution was added: others have ended before, and cannot run. */
  wasAdded(execution: MemoryExecution): boolean {
    return !this.withdrawn.has(execution);
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
    const retention = this.retention.of(execution.name, execution.state as EndState);
    return execution.endedAt + retention > now ? execution : undefined;
  }

  /** Iterates over ended executions, the newest first. */
  newestEnded(): Generator<MemoryExecution> {
    return newestFirst(this.ended.values());
  }

  /** Groups of failed executions, each in the order of the ends. */
  get failureGroups(): Iterable<ReadonlySet<MemoryExecution>> {
    return this.failures.values();
  }

  add(execution: MemoryExecution): void {
    this.byId.set(execution.id, execution);
    this.link(execution);
  }

  /** Makes an ended execution a live one again. */
  revive(execution: MemoryExecution): void {
    this.leaveEnded(execution);
    execution.endedAt = undefined;
    this.link(execution);
  }

  /** Forgets an ended execution. */
  forget(execution: MemoryExecution): void {
    this.leaveEnded(execution);
    const { id, key } = execution;
    this.byId.delete(id);
    if (this.byKey.get(key) === execution) this.byKey.delete(key);
  }

  move(execution: MemoryExecution, state: LiveState): void {
    this.counts[execution.state as LiveState] -= 1;
    this.counts[state] += 1;
    execution.state = state;
  }

  end(execution: MemoryExecution, state: EndState, now: number): void {
    this.counts[execution.state as LiveState] -= 1;
    this.size -= 1;
    this.live.unlink(execution);
    this.remember(execution, state, now);
  }

  /** Notes the end of an execution that was never added: its handle can find it, and no list has it. */
  noteEnd(execution: MemoryExecution, state: EndState, now: number): void {
    this.withdrawn.add(execution);
    this.byId.set(execution.id, execution);
    this.remember(execution, state, now);
  }

  /** Forgets those that ended long enough ago. */
  expire(now: number): void {
    for (const [stay, list] of this.ended) {
      for (let { first } = list; first?.endedAt !== undefined && first.endedAt + stay <= now; { first } = list) {
        this.forget(first);
      }
    }
  }

  private remember(execution: MemoryExecution, state: EndState, now: number): void {
    execution.state = state;
    execution.endedAt = now;
    this.ends += 1;
    execution.endNumber = this.ends;
    const retention = this.retention.of(execution.name, state);
    execution.stay = storedFor(retention);
    this.listOf(execution.stay).push(execution);
    if (state === 'failed' && retention > 0) this.joinGroup(execution);
    this.endedCount += 1;
    if (this.endedCount > MAX_ENDED) this.forgetOldest();
  }

  private listOf(stay: number): ExecutionList {
    if (this.lastStay === stay) return this.lastList;
    this.lastStay = stay;
    this.lastList = this.ended.get(stay) ?? new ExecutionList();
    this.ended.set(stay, this.lastList);
    return this.lastList;
  }

  private forgetOldest(): void {
    let oldest: MemoryExecution | undefined;
    for (const { first } of this.ended.values()) {
      if (first !== undefined && (oldest === undefined || first.endNumber < oldest.endNumber)) oldest = first;
    }
    if (oldest !== undefined) this.forget(oldest);
  }

  private joinGroup(execution: MemoryExecution): void {
    const { name, error } = execution;
    execution.group = failureGroupOf(name, error ?? { name: 'Error', message: '' });
    const group = this.failures.get(execution.group);
    if (group === undefined) this.failures.set(execution.group, new Set([execution]));
    else group.add(execution);
  }

  private leaveEnded(execution: MemoryExecution): void {
    this.ended.get(execution.stay)?.unlink(execution);
    this.endedCount -= 1;
    const { group } = execution;
    if (group === undefined) return;
    execution.group = undefined;
    const members = this.failures.get(group);
    members?.delete(execution);
    if (members?.size === 0) this.failures.delete(group);
  }

  private link(execution: MemoryExecution): void {
    this.byKey.set(execution.key, execution);
    this.live.push(execution);
    this.size += 1;
    this.counts[execution.state as LiveState] += 1;
  }
}
