/**
 * Log lines of tasks of this process, by level. Stable API, listed in docs/messages.md: operators alert on them.
 *
 * One template each, since the test of that page reads them here.
 */
export const TASK_LINES = {
  error: {
    failed: (task: string, problem: string) => `Task ${task} failed: ${problem}`,
    attemptFailed: (attempt: number, task: string, problem: string) =>
      `Attempt ${attempt} of task ${task} failed: ${problem}`,
    onErrorFailed: (task: string, handlerProblem: string, problem: string) =>
      `The onError handler of task ${task} failed: ${handlerProblem}. The task's own error: ${problem}`,
    requeueFailed: (task: string, problem: string) =>
      `Task ${task} was cancelled by shutdown and is lost, because it could not be added to the queue: ${problem}`,
    waitUntilFailed: (task: string, problem: string) =>
      `Option waitUntil failed for task ${task}; the platform may freeze the process before its end: ${problem}`,
  },
  warn: {
    failedAgain: (task: string, attempt: number, problem: string) =>
      `Task ${task} failed again in attempt ${attempt}: ${problem}`,
    stoppedWithError: (task: string) => `Task ${task} was cancelled and stopped with an error:`,
    refused: (task: string, reason: string) => `Task ${task} was discarded: ${reason}`,
    discardedByShutdown: (task: string) => `Task ${task} was discarded: the application has shut down`,
    blocked: (task: string, milliseconds: number) =>
      `Task ${task} blocked the event loop, and every request, for ${milliseconds} ms. Run it in a thread: task({ thread: { file } }). This function is reported once. See docs/threads.md#when-to-use-one.`,
    unprotected: (task: string) =>
      `Task ${task} is shielded, and this process has no listener for SIGTERM, which would end the task. Call app.enableShutdownHooks() before app.listen().`,
    uncalledHooks: (provider: string, hooks: string) =>
      `Provider ${provider} injects TasksService and is request-scoped by that, so Nest never calls its ${hooks}. Inject TaskScheduler instead.`,
    held: (task: string) =>
      `Task ${task} is held until its handler has ended, and the handler awaits it. Do not await it in the handler, or start it at once with tasks.schedule().`,
    stuck: (task: string, pool: string, waiters: string) =>
      `Task ${task} is stuck in pool '${pool}', whose running tasks all await tasks of its queue: ${waiters}. Give it a pool of its own, raise the concurrency, or do not await it. See docs/back-pressure.md#tasks-that-wait-for-tasks.`,
    abandoned: (tasks: string, gracePeriod: number) =>
      `Shutdown abandons ${tasks}, which did not stop within the grace period of ${gracePeriod} ms`,
    leftBehind: (tasks: string, timeout: number | undefined) =>
      `Shutdown leaves ${tasks} behind: shutdown.timeout of ${timeout} ms is over`,
    requeuedInMemory: () => 'Shutdown adds tasks to a queue in memory, which ends with this process. Set queue.url.',
    threadEnded: () =>
      'A thread ended while no task ran in it. Background work of an earlier task failed, or the thread could not start:',
    unserialized: (problem: string) =>
      `${problem} Until then, Nest's ClassSerializerInterceptor shows a returned task with its arguments.`,
    untraced: (problem: string) => `${problem} Nothing is traced or measured; telemetry: false ends this warning.`,
  },
  log: {
    requeued: (task: string, key: string) => `Task ${task} was cancelled by shutdown and added to the queue as ${key}`,
    cancels: (tasks: string) => `Shutdown cancels ${tasks}`,
    waits: (tasks: string) => `Shutdown waits for ${tasks}`,
    stillWaits: (tasks: string) => `Shutdown still waits for ${tasks}`,
    hasWaited: (tasks: string) => `Shutdown has waited for ${tasks}`,
    doesNotWait: (task: string) => `Shutdown does not wait for task ${task}, which called app.close()`,
  },
  debug: {
    onErrorCancelled: (task: string) => `The onError handler of task ${task} was cancelled`,
    cancelled: (task: string) => `Task ${task} was cancelled`,
    failedLate: (task: string, problem: string) => `Task ${task} failed after it was given up: ${problem}`,
    discarded: (task: string, reason: string) => `Task ${task} was discarded: ${reason}`,
  },
} as const;
