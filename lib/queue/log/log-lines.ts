/**
 * Log lines of the queue, by level. Stable API, listed in docs/messages.md: operators alert on them.
 *
 * One template each, since the test of that page reads them here.
 */
export const LINES = {
  error: {
    retryOnFailed: (execution: string, problem: string) =>
      `retryOn of execution ${execution} failed, so it is not retried: ${problem}`,
    notRelayed: (execution: string, delay: string, problem: string) =>
      `Execution ${execution} stays in the outbox and holds back its key, next try in ${delay}: ${problem}`,
    unrunnable: (execution: string, problem: string) =>
      `Execution ${execution} could not be started and was released: ${problem}`,
  },
  warn: {
    volatile: () =>
      'Durable tasks are kept in memory and lost when this process ends. Set queue.url to redis://… or postgres://… in TasksModule.forRoot().',
    dropped: (execution: string, reason: string) => `Execution ${execution} was dropped: ${reason}`,
    struck: (execution: string, consequence: Consequence, reason: string) =>
      `Execution ${execution} ${consequence}: ${reason}`,
    strikeAdded: (target: string, consequence: string) => `Strike added: executions of ${target} are ${consequence}`,
    strikeAddedBecause: (target: string, consequence: string, reason: string) =>
      `Strike added: executions of ${target} are ${consequence}: ${reason}`,
    strikeMismatch: (parameter: string, task: string) =>
      `The strike on '${parameter}' never matches task ${task}: its values are of another type.`,
    neverCalled: (call: string, task: string) =>
      `${call}() of task ${task} was never given the task's arguments, so nothing was added. Call its result: ${call}(task, options)(…). Logged once per task.`,
    methodsLost: (argument: string, task: string, type: string, methods: string) =>
      `${argument} of task ${task} is an instance of ${type}: it arrives as a plain object, without ${methods}. Pass an id or plain data. Logged once per class.`,
    unknownTask: (execution: string, delay: string, task: string) =>
      `Execution ${execution} was released for ${delay}: task '${task}' is not declared in this process. Declare it with @Durable(), deploy a worker that does, or cancel the execution by its key.`,
    manyUnknownTasks: (max: number) =>
      `More than ${max} task names in the queue are not declared in this process. Their executions are released; further names are not logged for 1m.`,
    overlapping: (execution: string, gracePeriod: string) =>
      `Execution ${execution} timed out and did not stop within ${gracePeriod} after its signal was aborted. Its next attempt may overlap with it.`,
    leaseLost: (execution: string) =>
      `Execution ${execution} lost its lease: another worker may run it, and the end of this run is not stored. Do not block the event loop for longer than worker.lease.`,
    recoveredOne: () => 'Recovered 1 execution whose worker stopped renewing its lease',
    recovered: (count: number) => `Recovered ${count} executions whose workers stopped renewing their leases`,
    unreadable: (record: string) =>
      `Stored ${record} is unreadable: it is damaged, or another program or version wrote it.`,
    relayLeaseLost: () =>
      'The relay of the outbox lost its lease, and another one goes on. Do not block the event loop for longer than worker.lease.',
    outboxUnreachable: (problem: string) => `Outbox not relayed, retrying: ${problem}`,
    signalRefused: (count: number) =>
      `Ignored a message on the queue's channel that is no signal (${count} so far). Check which programs publish there.`,
    paused: () => 'Queue paused: no worker starts an execution',
    pausedBecause: (reason: string) => `Queue paused: ${reason}`,
    unreachable: (problem: string) => `Broker unreachable, retrying: ${problem}`,
  },
  log: {
    onlyAdds: () => 'No durable task is declared in this process: it only adds to the queue',
    retried: (execution: string, delay: string, attempt: number) =>
      `Execution ${execution} is retried in ${delay}, after attempt ${attempt}`,
    released: (execution: string, reason: string) => `Execution ${execution} was released: ${reason}`,
    cancelled: (execution: string, reason: string) => `Execution ${execution} was cancelled: ${reason}`,
    retriedByHand: (execution: string) => `Execution ${execution} was retried by queue.retry()`,
    forgotten: (execution: string) => `Execution ${execution} was removed by queue.forget()`,
    startedByHand: (execution: string) => `Execution ${execution} was brought forward to now by hand`,
    cleared: (executions: string) => `Cleared ${executions} from the queue`,
    strikeRemoved: (target: string) => `Strike removed: executions of ${target} run again`,
    automaticStarted: (task: string) => `Started automatic perpetual task ${task}`,
    automaticSpent: (task: string, schedule: string) =>
      `Automatic perpetual task ${task} is not started: no time is left in ${schedule}`,
    retimed: (task: string, to: string, from: string, schedule: string) =>
      `Perpetual task ${task} runs next at ${to} instead of ${from}, by a new schedule: ${schedule}`,
    retimedLater: (task: string, to: string, schedule: string) =>
      `Perpetual task ${task} runs next at ${to}, as its last run chose, then by a new schedule: ${schedule}`,
    resumed: () => 'Queue resumed',
    reachable: () => 'Broker reachable again',
    relayedToTaken: (execution: string, holder: string) =>
      `Execution ${execution} from the outbox was not added: its key is taken by execution ${holder}`,
    outboxReachable: () => 'Outbox relayed again',
  },
  debug: {
    started: (key: string, call: string) => `Execution ${key} starts: ${call}`,
    startedAgain: (key: string, call: string, attempt: number) =>
      `Execution ${key} starts: ${call}, attempt ${attempt}`,
    completed: (execution: string, duration: string) => `Execution ${execution} completed in ${duration}`,
    repeated: (execution: string, time: string) => `Execution ${execution} runs again at ${time}`,
    skipped: (execution: string, reason: string) => `Execution ${execution} skips a run: ${reason}`,
    parked: (execution: string, reason: string) => `Execution ${execution} is parked: ${reason}`,
    delayed: (execution: string, time: string, reason: string) =>
      `Execution ${execution} is delayed until ${time}: ${reason}`,
    automaticStruck: (task: string, reason: string) => `Automatic perpetual task ${task} is not started: ${reason}`,
  },
} as const;

/** Effect of a strike on an execution. */
export type Consequence = 'was not added' | 'will be held' | 'is held' | 'does not run' | 'skips a run';
