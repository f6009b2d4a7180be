import { Inject, Injectable } from '@nestjs/common';
import { TASKS_OPTIONS, type ResolvedTasksOptions } from '../../scheduler/tasks-options.js';
import { describeValue } from '../../task/task-errors.js';
import type { TaskOutcome } from '../../task/task-outcome.js';
import { BROKER, type Broker, type Claim } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { BrokerUnavailableError, LeaseLostError } from '../broker/queue-errors.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { REASONS } from '../broker/reasons.js';
import { encodeResult } from '../declaration/payload.js';
import { storeError } from '../declaration/stored-error.js';
import { QueueLog } from '../log/queue-log.js';
import { Pause } from '../rules/pause.js';
import { Rules } from '../rules/rules.js';
import type { ExecutionRun } from './execution-run.js';
import { LogKeeper } from './log-keeper.js';
import { StartCaps } from './start-caps.js';
import { WorkerState } from './worker-state.js';
import type { Settlement } from '../broker/settlement.js';

/** Settlement of a run that shutdown has stopped. */
export const RELEASE: Settlement = { type: 'release', reason: REASONS.shutdown() };

/** Settlement that a run is to have; nothing when it has none, or none yet. */
export type Ending = Settlement | undefined;

/** Settles runs: says what their ends mean, and has them stored. */
@Injectable()
export class RunSettler {
  readonly limits = new StartCaps();

  constructor(
    @Inject(TASKS_OPTIONS) private readonly taskOptions: ResolvedTasksOptions,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly rules: Rules,
    private readonly pause: Pause,
    private readonly state: WorkerState,
    private readonly logKeeper: LogKeeper,
    private readonly log: QueueLog,
  ) {}

  /**
   * Says what the outcome of a task means for its run.
   *
   * @returns its settlement; nothing when the lease is lost, or the function goes on into the shutdown. A promise only
   * where there is something to wait for.
   */
  endingOf(run: ExecutionRun, outcome: TaskOutcome): Ending | Promise<Ending> {
    const written = run.endProgress();
    return written === undefined ? this.conclude(run, outcome) : written.then(() => this.conclude(run, outcome));
  }

  /** Decides how the run ends. The decision stands when the first attempt to store it fails. */
  decide(run: ExecutionRun, ending: Settlement): Settlement {
    const settlement = this.limits.apply(run.claim, heedCancellation(run, ending));
    run.settleAs(settlement);
    return settlement;
  }

  /** Stores what must be there before the end of a run. Nothing where there is nothing: that is nearly every run. */
  beforeSettlement(run: ExecutionRun, settlement: Settlement): Promise<unknown> | undefined {
    const foretold = this.rules.beforeSettlement(run, settlement);
    const kept = this.logKeeper.keep(run, settlement);
    return foretold === undefined || kept === undefined ? (foretold ?? kept) : Promise.all([foretold, kept]);
  }

  /** Stores the end of a run, again and again while the broker is down. Returns what the broker has claimed next. */
  async settle(run: ExecutionRun, settlement: Settlement): Promise<Claim | undefined> {
    while (!this.state.isEnded) {
      try {
        const now = this.clock.now();
        await this.beforeSettlement(run, settlement);
        const next = await this.broker.runs.settle(
          run.claim,
          settlement,
          !this.state.signal.aborted && !this.pause.isOn,
        );
        this.noteSettled(run, settlement, now);
        return next;
      } catch (error) {
        // As long as nobody else has it, the lease may still be ours.
        if (!(await this.maySettleAgain(run, error))) return undefined;
      }
    }
    return undefined;
  }

  /** Follows up a run whose end is stored. */
  noteSettled(run: ExecutionRun, settlement: Settlement, now: number): void {
    this.log.settled(run, settlement, now);
    run.tell();
    const followed = this.rules.afterRun(run, settlement);
    // Whatever fails here, the next sweep of some worker makes good.
    if (followed !== undefined) this.state.track(followed).catch((error: unknown) => this.log.disrupted(error));
  }

  /** Settles a run in which something has failed that is not its task. Returns what the broker has claimed next. */
  async recover(run: ExecutionRun, error: unknown): Promise<Claim | undefined> {
    if (run.settlement !== undefined) {
      return (await this.maySettleAgain(run, error)) ? this.settle(run, run.settlement) : undefined;
    }
    if (error instanceof LeaseLostError) {
      run.loseLease();
      return undefined;
    }
    // Something before its function, such as a module that was loaded since.
    this.log.unrunnable(run.name, run.key, error);
    const at = this.clock.now() + this.options.lease;
    const reason = REASONS.unrunnable(describeValue(error));
    return this.settle(run, this.decide(run, { type: 'release', at, reason }));
  }

  /** Waits a little, where the settlement may succeed then. */
  private async maySettleAgain(run: ExecutionRun, error: unknown): Promise<boolean> {
    // What the broker refuses, rather than does not hear, it will go on to refuse.
    const isRefused = !(error instanceof BrokerUnavailableError) && run.leaseUntil <= this.clock.now();
    if (error instanceof LeaseLostError || isRefused) {
      run.loseLease();
      return false;
    }
    await this.state.pause(error);
    return true;
  }

  private conclude(run: ExecutionRun, outcome: TaskOutcome): Ending | Promise<Ending> {
    if (run.isLost) return undefined;
    const settlement = goOn(run, this.settlementOf(run, outcome));
    return run.isGivenUp ? this.awaitUnwinding(run, settlement) : settlement;
  }

  private async awaitUnwinding(run: ExecutionRun, settlement: Settlement): Promise<Ending> {
    // Given up by shutdown, it keeps its lease until the process lets go of it: its function still runs.
    if (settlement.type === 'release') return undefined;
    const { gracePeriod } = this.taskOptions.shutdown;
    if (!(await unwindsWithin(gracePeriod, run))) this.log.overlapping(run.name, run.key, gracePeriod);
    return run.isLost ? undefined : settlement;
  }

  private settlementOf(run: ExecutionRun, outcome: TaskOutcome): Settlement {
    const { name, task, cancellation } = run;
    if (outcome.status === 'succeeded') {
      return { type: 'complete', result: encodeResult(name, outcome.value, this.options.maxArgumentSize) };
    }
    if (cancellation !== undefined) return { type: 'cancel', reason: cancellation };
    if (outcome.status === 'failed') return this.settlementOfFailure(run, outcome.error);
    const reason = task?.state.cancellation?.reason;
    const isByShutdown = reason === 'shutdown' && run.isUnwanted; // a task may have said so of itself
    if (outcome.status === 'discarded' || isByShutdown) return RELEASE;
    return { type: 'cancel', reason: reason === undefined ? REASONS.cancelledByTask() : describeValue(reason) };
  }

  private settlementOfFailure(run: ExecutionRun, error: unknown): Settlement {
    const stored = storeError(error);
    if (!run.willRetry(error) || run.durable === undefined) return { type: 'fail', error: stored };
    return { type: 'retry', at: run.retryAt(this.clock.now(), run.durable.retry), error: stored };
  }
}

/** Lets a perpetual task run again, however this run has ended: after its retries only, and not when it was cancelled. */
function goOn(run: ExecutionRun, settlement: Settlement): Settlement {
  if (settlement.type !== 'complete' && settlement.type !== 'fail') return settlement;
  if (run.cancellation !== undefined) return settlement; // it did not stop for that, but it ends here
  const next = run.perpetual?.next;
  if (next === undefined) return settlement;
  return { type: 'reschedule', ...next, ...(settlement.type === 'fail' && { error: settlement.error }) };
}

/** Cancels a run that has not begun, rather than to put it off, where that was asked for meanwhile. */
function heedCancellation({ cancellation }: ExecutionRun, settlement: Settlement): Settlement {
  const isPutOff = settlement.type === 'park' || (settlement.type === 'release' && settlement.isUnstarted === true);
  return isPutOff && cancellation !== undefined ? { type: 'cancel', reason: cancellation } : settlement;
}

async function unwindsWithin(gracePeriod: number, { unwound }: ExecutionRun): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), gracePeriod);
  });
  const hasUnwound = await Promise.race([unwound.then(() => true), grace]);
  clearTimeout(timer);
  return hasUnwound;
}
