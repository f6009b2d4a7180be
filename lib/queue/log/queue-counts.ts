/**
 * Counts of events in this process since the application started.
 *
 * @publicApi
 */
export interface QueueCounts {
  /** Executions that `add()` recorded. */
  readonly added: number;
  /** Calls of `add()` that found their key taken. */
  readonly alreadyScheduled: number;
  readonly replaced: number;
  /** Rows of the outbox that this process has given to the broker as new executions. */
  readonly relayed: number;
  /** Tries to relay a row of the outbox that have failed. */
  readonly notRelayed: number;
  /** Runs that were started here. */
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  /** Attempts that failed and were followed by another. */
  readonly retried: number;
  /** Re-scheduled as a new run. */
  readonly rescheduled: number;
  /** Automatic tasks whose next run has moved with a new schedule. */
  readonly retimed: number;
  /** Perpetual runs that a strike, a cooldown or a rate limit has left out. */
  readonly skipped: number;
  /** Adds that were refused, and runs that were skipped, dropped or parked, because of a strike. */
  readonly struck: number;
  /** Ended executions that `retry()` let run again. */
  readonly retriedByHand: number;
  /** Ended executions that `forget()` removed. */
  readonly forgotten: number;
  readonly cancelled: number;
  readonly dropped: number;
  readonly parked: number;
  /** Put off by a rate limit or a debounce. */
  readonly delayed: number;
  /** Handed back to the queue by shutdown, or because no task of that name is declared here. */
  readonly released: number;
  /** Runs of this process whose lease was lost. */
  readonly leasesLost: number;
  /** Runs of dead workers that this process has handed to others. */
  readonly recovered: number;
  /** Calls to the broker that failed, and were repeated. */
  readonly disruptions: number;
  /** Stored records and entries that could not be read: executions among them have failed, the rest was skipped. */
  readonly unreadable: number;
  /** Messages on the fleet's channel that were no signals. */
  readonly signalsRefused: number;
}

export const NO_COUNTS: QueueCounts = {
  added: 0,
  alreadyScheduled: 0,
  replaced: 0,
  relayed: 0,
  notRelayed: 0,
  started: 0,
  completed: 0,
  failed: 0,
  retried: 0,
  rescheduled: 0,
  retimed: 0,
  skipped: 0,
  struck: 0,
  retriedByHand: 0,
  forgotten: 0,
  cancelled: 0,
  dropped: 0,
  parked: 0,
  delayed: 0,
  released: 0,
  leasesLost: 0,
  recovered: 0,
  disruptions: 0,
  unreadable: 0,
  signalsRefused: 0,
};
