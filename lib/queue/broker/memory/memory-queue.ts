import type { Clock } from '../clock.js';
import { REPLACED, type Claim } from '../broker.js';
import { LoopTurn } from './loop-turn.js';
import { MemoryClaim } from './memory-claim.js';
import { MemoryExecution, type Replacement } from './memory-execution.js';
import { MemoryExecutions } from './memory-executions.js';
import { MemoryLimiter } from './memory-limiter.js';
import type { MemorySignals } from './memory-signals.js';
import type { Retention } from '../retention.js';
import { ReadyAndDelayed } from './ready-and-delayed.js';
import type { AddedExecution, EndState, LiveState, NewExecution } from '../record.js';

export interface MemoryQueueOptions {
  /** Lease of a claim, in milliseconds, like all durations here. */
  readonly lease: number;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly workerId: string;
}

/** Before all priorities: others wait for the slot that it has been handed. */
const FIRST = -1;

/** State of a memory broker, and the transitions of its executions. */
export class MemoryQueue {
  readonly executions: MemoryExecutions;
  readonly readyAndDelayed = new ReadyAndDelayed<MemoryExecution>();
  readonly limits: MemoryLimiter;
  /** Wake those who wait for work. */
  readonly waiters = new Set<() => void>();
  readonly turn = new LoopTurn();
  readonly clock: Clock;
  disarm: (() => void) | undefined;
  /** Last number of an id or a token. */
  private number = 0;

  constructor(
    readonly options: MemoryQueueOptions,
    readonly signals: MemorySignals,
  ) {
    this.clock = options.clock;
    this.executions = new MemoryExecutions(options.retention);
    this.limits = new MemoryLimiter(options.clock, options.lease);
  }

  newToken(): string {
    this.number += 1;
    return String(this.number);
  }

  /** Wakes executions that have got what they were parked for. */
  wakeAll(members: readonly { readonly id: string }[]): void {
    for (const { id } of members) {
      const execution = this.executions.find(id);
      if (execution?.state === 'parked') this.enqueue(execution, FIRST);
    }
  }

  forgetLimits(execution: MemoryExecution): void {
    if (!execution.hasAsked) return;
    execution.hasAsked = false;
    this.wakeAll(this.limits.forget(execution.id));
  }

  place(replacement: Replacement): void {
    const { id, execution } = replacement;
    const holder = this.executions.holderOf(execution.key);
    if (holder?.state === 'running') {
      this.withdraw(holder, REPLACED);
      holder.replacement = replacement;
      return;
    }
    if (holder !== undefined) this.cancelNow(holder, REPLACED);
    this.addOne(execution, id);
  }

  /** Cancels what was to follow a running one. @returns whether there was one, with the id. */
  withdraw(execution: MemoryExecution, reason: string, id = execution.replacement?.id): boolean {
    const { replacement } = execution;
    if (replacement === undefined || replacement.id !== id) return false;
    execution.replacement = undefined;
    const now = this.clock.now();
    const withdrawn = new MemoryExecution(id, replacement.execution.key, replacement.execution, now);
    withdrawn.reason = reason;
    this.executions.noteEnd(withdrawn, 'cancelled', now);
    this.executions.expire(now);
    this.signals.tell({ type: 'changed', id });
    return true;
  }

  newId(): string {
    this.number += 1;
    return `m${this.number}`;
  }

  /** Tells whether an execution with an id of its own was added before, and is remembered. */
  knows({ id, key }: NewExecution): boolean {
    if (id === undefined) return false;
    if (this.executions.find(id) !== undefined) return true;
    return key !== undefined && this.executions.holderOf(key)?.replacement?.id === id;
  }

  addOne(execution: NewExecution, id = execution.id ?? this.newId()): AddedExecution {
    const now = this.clock.now();
    const key = execution.key ?? execution.id ?? `${now.toString(36)}-${id}`;
    if (this.knows(execution)) return { id, key, isNew: true };
    const known = this.executions.holderOf(key);
    if (known !== undefined) return { id: known.id, key, isNew: false };
    const added = new MemoryExecution(id, key, execution, now);
    this.executions.add(added);
    this.schedule(added, 'scheduled', added.when, now);
    return { id, key, isNew: true };
  }

  heldBy(claim: Claim, now = this.clock.now()): MemoryExecution | undefined {
    const execution = MemoryClaim.executionOf(claim) ?? this.executions.find(claim.id);
    return execution?.token === claim.token && execution.leaseUntil > now ? execution : undefined;
  }

  /** Puts it where it waits for its time, or into the queue when that has come. */
  schedule(execution: MemoryExecution, state: 'scheduled' | 'retrying', when: number, now: number): void {
    execution.when = when;
    if (when <= now) return this.enqueue(execution);
    this.readyAndDelayed.schedule(execution, when);
    this.move(execution, state);
    this.arm();
  }

  enqueue(execution: MemoryExecution, rank = execution.priority): void {
    this.readyAndDelayed.enqueue(execution, rank); // before others are told, who may look at once
    this.move(execution, 'queued');
    if (this.waiters.size === 0) return;
    const [wake] = this.waiters;
    wake?.();
  }

  /** Moves what is due by now into the queue. */
  promote(): void {
    const { nextAt } = this.readyAndDelayed;
    if (nextAt === undefined) return;
    const now = this.clock.now();
    if (nextAt > now) return;
    for (
      let due = this.readyAndDelayed.takeOverdue(now);
      due !== undefined;
      due = this.readyAndDelayed.takeOverdue(now)
    ) {
      this.enqueue(due);
    }
  }

  /** Sees to it that those who wait for work are woken when something comes due. */
  arm(): void {
    this.disarm?.();
    this.disarm = undefined;
    const { nextAt } = this.readyAndDelayed;
    if (nextAt === undefined || this.waiters.size === 0) return;
    this.disarm = this.clock.schedule(nextAt - this.clock.now(), () => {
      this.promote();
      this.arm();
    });
  }

  move(execution: MemoryExecution, state: LiveState): void {
    this.executions.move(execution, state);
    this.signals.tell({ type: 'changed', id: execution.id });
  }

  cancelNow(execution: MemoryExecution, reason: string): void {
    execution.reason = reason;
    this.end(execution, 'cancelled', this.clock.now());
  }

  end(execution: MemoryExecution, state: EndState, now: number): void {
    this.readyAndDelayed.withdraw(execution);
    this.executions.end(execution, state, now);
    this.forgetLimits(execution);
    this.executions.expire(now);
    this.signals.tell({ type: 'changed', id: execution.id });
  }

  expire(): void {
    this.executions.expire(this.clock.now());
  }

  /** Ends all waits for work. */
  close(): void {
    this.disarm?.();
    for (const wake of this.waiters) wake();
  }
}
