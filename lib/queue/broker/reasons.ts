/**
 * Reasons that the library gives: texts of `execution.reason`, of `ExecutionCancelledError` and `ExecutionDroppedError`,
 * and of log lines. Stable API, listed in docs/messages.md, and for people only: no code decides by them.
 *
 * One template each, since the test of that page reads them here.
 */
export const REASONS = {
  concurrencyLimit: (subject: string, max: number) => `concurrency limit reached for ${subject} (${max} running)`,
  rateLimit: (subject: string, starts: string, per: string) =>
    `rate limit reached for ${subject} (${starts} in ${per})`,
  cooldown: (subject: string, window: string) =>
    `cooldown of ${subject}: another execution started within the last ${window}`,
  debounced: (subject: string, window: string) =>
    `debounced for ${subject}: a newer execution arrived within ${window}`,
  debouncing: (subject: string, window: string) => `debouncing for ${subject}: waiting ${window} for newer executions`,
  struck: (target: string) => `struck (${target})`,
  struckBecause: (target: string, reason: string) => `struck (${target}): ${reason}`,
  paused: () => 'queue.pause() is in force',
  after: () => 'waiting for the executions passed to queue.after()',
  uncommitted: () => 'written in a transaction that may not have committed yet',
  outbox: () => 'waiting in the outbox for a worker to relay it',
  sameKey: () => 'waiting for the running execution with the same key',
  unknownTask: (task: string) => `task '${task}' is not declared in the worker`,
  unclaimedAutomatic: () => 'automatic task removed: no worker declares it any more',
  lateClaim: () => 'the claim was answered after its lease had expired',
  unrunnable: (problem: string) => `the run could not be started: ${problem}`,
  unreadable: (flaw: string) => `the record is unreadable: ${flaw}`,
  scheduleSpent: (schedule: string) => `no time is left in the schedule: ${schedule}`,
  runAtMost: (starts: string) => `runAtMost() allows no more starts (${starts})`,
  shutdown: () => 'shutdown',
  attemptFailed: (attempt: number, error: string) => `attempt ${attempt} failed: ${error}`,
  nextRun: () => 'the next run of the perpetual task is due later',
  runFailed: (error: string) => `the run failed: ${error}`,
  leaseExpired: (starts: number) => `the lease of an earlier start expired (${starts} in this run)`,
  retriedByHand: () => 'queue.retry() was called',
  cancelledByQueue: () => 'queue.cancel() was called',
  cancelledByHandle: () => 'execution.cancel() was called',
  cancelledByTask: () => 'the task cancelled itself',
  cleared: () => 'queue.clear() was called',
  replaced: () => 'queue.replace() was called',
  unknown: () => 'no reason is recorded',
} as const;
