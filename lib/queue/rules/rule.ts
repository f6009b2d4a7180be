import type { ExecutionOutcome } from '../../task/task-outcome.js';
import type { Claim } from '../broker/broker.js';
import type { Limit } from '../broker/limit.js';
import type { DurableTask } from '../declaration/durable-registry.js';
import type { Strike } from './strike.js';
import type { ChainSchedule } from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

/** Pause before a perpetual task that was skipped is offered again, in milliseconds. */
const LEAST_PAUSE = 1_000;

/** Next run of a perpetual task. */
export interface NextRun {
  /** Time of the run, in milliseconds since the epoch. */
  readonly at: number;
  /** Encoded. */
  readonly args: string;
  readonly schedule?: ChainSchedule;
}

/** Run of an execution, as far as rules know it. The worker owns it. */
export interface RuledRun {
  readonly claim: Claim;
  readonly name: string;
  /** Limits that it has to pass. */
  readonly limits: readonly Limit[];
  /** Next run, if the task is perpetual. */
  readonly perpetual:
    | {
        readonly next: NextRun | undefined;
        /** Time of the next run by a schedule that this run has ended. */
        readonly formerAt: number | undefined;
      }
    | undefined;
  /** Strike that keeps it from running. */
  readonly struckBy: Strike | undefined;
  /** Rule that keeps it from running. */
  readonly stoppedBy: Rule | undefined;
  /** Hands it the ends of the executions that it follows. */
  follow(outcomes: readonly ExecutionOutcome[]): void;
  strikeBy(strike: Strike): void;
  stopBy(rule: Rule): void;
}

/**
 * Behaviour of durable tasks: whether an execution may run, and what follows when it has. Each hook is optional, and
 * returns a promise only where there is something to wait for: each promise costs a twentieth of a run.
 *
 * Hooks after a run may be lost with their process. `sweep` makes good for them, in whichever worker.
 */
export interface Rule {
  /** Runs before the first claim, and again after a failure: no execution starts before all rules are ready. */
  prepare?(): Promise<void>;
  /** Returns how a claimed execution is settled instead of being run; nothing where it may run. */
  beforeRun?(
    run: RuledRun,
    task: DurableTask,
    args: readonly unknown[],
  ): Settlement | undefined | Promise<Settlement | undefined>;
  /** Notes the end of a run before it is stored, since the worker may die in between. */
  beforeSettlement?(run: RuledRun, settlement: Settlement): Promise<void> | undefined;
  /** Acts on the end of a run, which is stored. A run that a rule has stopped has ended, too. */
  afterRun?(run: RuledRun, settlement: Settlement): Promise<void> | undefined;
  /** Does what some process has not lived to do. Runs in every worker, several times in a lease. */
  sweep?(): Promise<void>;
  close?(): void;
}

/** Leaves out one run of a perpetual task, whose chain goes on; drops an execution of any other task. */
export function skip({ perpetual }: RuledRun, reason: string, now: number): Settlement {
  const next = perpetual?.next;
  if (next === undefined) return { type: 'drop', reason };
  // A chain whose next run is due at once would do nothing but skip.
  return { type: 'reschedule', ...next, at: next.at > now ? next.at : now + LEAST_PAUSE, reason };
}
