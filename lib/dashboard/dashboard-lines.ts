/**
 * Log lines of the dashboard, by level. Stable API, listed in docs/messages.md: they are the trail of who did what.
 *
 * One template each, since the test of that page reads them here.
 */
export const DASHBOARD_LINES = {
  error: {
    viewFailed: (view: string, problem: string) => `Dashboard: view ${view} failed: ${problem}`,
  },
  warn: {
    actionFailed: (user: string, action: string, problem: string) =>
      `Dashboard: ${action} by ${user} failed, and may have been done in part: ${problem}`,
    badAccess: (provider: string, value: string) =>
      `Dashboard: a request was refused, because accessOf() of ${provider} returned ${value}. Allowed: 'none', 'read' and 'write'.`,
  },
  log: {
    cancelled: (user: string, execution: string, result: string) =>
      `Dashboard: ${user} cancels execution ${execution}: ${result}`,
    retried: (user: string, execution: string, result: string) =>
      `Dashboard: ${user} retries execution ${execution}: ${result}`,
    forgotten: (user: string, execution: string, result: string) =>
      `Dashboard: ${user} forgets execution ${execution}: ${result}`,
    ranNow: (user: string, execution: string, result: string) =>
      `Dashboard: ${user} runs execution ${execution} now: ${result}`,
    retriedAll: (user: string, count: string, filter: string, execution: string) =>
      `Dashboard: ${user} retries ${count} that match ${filter}, by execution ${execution}`,
    forgotAll: (user: string, count: string, filter: string, execution: string) =>
      `Dashboard: ${user} forgets ${count} that match ${filter}, by execution ${execution}`,
    cleared: (user: string, count: string) => `Dashboard: ${user} clears the queue of ${count}`,
    paused: (user: string) => `Dashboard: ${user} pauses the queue`,
    resumed: (user: string, result: string) => `Dashboard: ${user} resumes the queue: ${result}`,
    struck: (user: string, target: string, mode: string) =>
      `Dashboard: ${user} strikes executions of ${target}: ${mode}`,
    restored: (user: string, target: string, result: string) =>
      `Dashboard: ${user} restores executions of ${target}: ${result}`,
  },
} as const;
