import type {
  ExecutionDetail,
  ExecutionSummary,
  OverviewView,
  StateName,
  SummaryView,
  TimelinePoint,
  Views,
} from '../../../lib/operations/api.js';

const NOW = Date.now();
const MINUTE = 60_000;

/** Time so many milliseconds ago. */
export function ago(ms: number): string {
  return new Date(NOW - ms).toISOString();
}

const STATES: readonly StateName[] = [
  'running',
  'queued',
  'scheduled',
  'parked',
  'retrying',
  'completed',
  'failed',
  'cancelled',
  'dropped',
];

/** Execution number `at`, in the states by turns. */
export function cannedExecution(at: number, changes: Partial<ExecutionSummary> = {}): ExecutionSummary {
  const state = STATES[at % STATES.length] ?? 'running';
  const hasEnded = at % STATES.length > 4;
  return {
    id: `id-${at}`,
    key: `order-${at}`,
    task: at % 2 === 0 ? 'orders.process' : 'mail.send',
    state,
    attempt: 1 + (at % 3),
    priority: 0,
    when: ago(at * 7_000 - (hasEnded ? 0 : 90_000)),
    addedAt: ago(at * 9_000),
    ...(state === 'running' && { startedAt: ago(4_000), worker: 'host-a:41:1', progress: { current: 30, total: 120 } }),
    ...(hasEnded && { startedAt: ago(at * 6_000), endedAt: ago(at * 5_000), worker: 'host-b:77:2' }),
    ...(state === 'failed' && { error: { name: 'TimeoutError', message: `no answer from partner ${at} in 5 s` } }),
    ...(state === 'parked' && { reason: 'concurrency limit reached for customerId (1 running)' }),
    ...changes,
  };
}

export function cannedExecutions(count: number): readonly ExecutionSummary[] {
  return Array.from({ length: count }, (_, at) => cannedExecution(at));
}

export const CANNED_EXECUTION: ExecutionDetail = {
  ...cannedExecution(6),
  error: {
    name: 'TimeoutError',
    message: 'no answer from the partner in 5 s',
    code: 'ETIMEDOUT',
    status: 504,
    stack: 'TimeoutError: no answer\n    at send (/app/dist/partner.js:10:7)',
    cause: {
      name: 'AggregateError',
      message: 'both addresses failed',
      errors: [
        { name: 'Error', message: 'connect ECONNREFUSED 10.0.0.7:443' },
        { name: 'Error', message: 'connect ECONNREFUSED 10.0.0.8:443' },
      ],
    },
  },
  call: "orders.process(customerId='12345', card=…)",
  trail: [
    {
      at: ago(9 * MINUTE),
      type: 'parked',
      reason: 'concurrency limit reached for customerId (1 running)',
      worker: 'host-a:41:1',
    },
    { at: ago(8 * MINUTE), type: 'retried', reason: 'attempt 1 failed: TimeoutError: no answer', times: 3 },
    { at: ago(7 * MINUTE), type: 'failed', reason: 'attempt 4 failed: TimeoutError: no answer', worker: 'host-b:77:2' },
  ],
  logs: [
    { at: ago(8 * MINUTE), level: 'log', message: 'calling the partner', attempt: 1 },
    { at: ago(7 * MINUTE), level: 'warn', message: 'no answer yet', attempt: 2 },
  ],
};

function point(at: number): TimelinePoint {
  const completed = 20 + ((at * 7) % 31);
  return {
    at: ago((60 - at) * MINUTE),
    added: completed + 3,
    started: completed + 2,
    completed,
    failed: at % 5,
    retried: at % 4,
    cancelled: at % 7 === 0 ? 2 : 0,
    dropped: at % 9 === 0 ? 1 : 0,
    wait: at % 13 === 0 ? {} : { p50: 40 + at, p95: 300 + at * 20 },
    run: { p50: 200, p95: 900 },
  };
}

export const CANNED_OVERVIEW: OverviewView = {
  stats: {
    total: { scheduled: 12, waiting: 340, parked: 7, running: 20, retrying: 2, oldestWait: 95_000 },
    tasks: {
      'orders.process': { scheduled: 2, waiting: 330, parked: 7, running: 18, retrying: 2, oldestWait: 95_000 },
      'mail.send': { scheduled: 10, waiting: 10, parked: 0, running: 2, retrying: 0 },
    },
    isPaused: false,
    outbox: { waiting: 3, oldestWait: 1_200 },
  },
  workers: 2,
  attention: [
    {
      level: 'error',
      text: '41 executions of orders.process failed in the last hour',
      view: 'executions?state=failed',
    },
    { level: 'warning', text: 'mail.send has waited for 95 s', view: 'tasks?sort=waiting' },
  ],
  range: '1h',
  step: MINUTE,
  timeline: Array.from({ length: 60 }, (_, at) => point(at)),
};

export const CANNED_SUMMARY: SummaryView = {
  queue: 'tasks on Redis',
  version: '1.4.0',
  access: 'write',
  user: 'ada@example.com',
  attention: CANNED_OVERVIEW.attention,
};

/** Data of every view. */
export function cannedViews(): { -readonly [V in keyof Views]: Views[V] } {
  return {
    summary: CANNED_SUMMARY,
    overview: CANNED_OVERVIEW,
    executions: { executions: cannedExecutions(20), cursor: 'after-20' },
    execution: CANNED_EXECUTION,
    failures: [
      {
        task: 'orders.process',
        error: { name: 'TimeoutError', message: 'no answer from partner … in … s' },
        count: 41_302,
        first: ago(600 * MINUTE),
        last: ago(MINUTE),
        example: 'order-6',
      },
    ],
    tasks: [
      {
        name: 'mail.send',
        isDeclared: true,
        depth: { scheduled: 10, waiting: 10, parked: 0, running: 2, retrying: 0 },
        lastHour: {
          started: 50,
          completed: 50,
          failed: 0,
          retried: 0,
          perMinute: 0.8,
          wait: { p50: 20, p95: 90 },
          run: {},
        },
        behaviours: [],
      },
      {
        name: 'orders.process',
        isDeclared: false,
        depth: { scheduled: 2, waiting: 330, parked: 7, running: 18, retrying: 2, oldestWait: 95_000 },
        lastHour: {
          started: 900,
          completed: 850,
          failed: 41,
          retried: 9,
          perMinute: 15.2,
          wait: { p50: 800, p95: 4_200 },
          run: { p50: 300, p95: 61_000 },
        },
        behaviours: ['at most 1 at once for each customerId', 'retried 3 times'],
      },
    ],
    schedules: [
      {
        task: 'reports.nightly',
        key: 'reports.nightly',
        schedule: '0 3 * * * (Europe/Berlin)',
        state: 'scheduled',
        next: ago(-300 * MINUTE),
        last: ago(1_140 * MINUTE),
        run: 118,
      },
    ],
    strikes: [
      {
        task: 'orders.process',
        parameter: 'customerId',
        operator: '==',
        value: '12345',
        text: "orders.process with customerId == '12345'",
        mode: 'hold',
        reason: 'chargebacks',
        by: 'ada@example.com',
        since: ago(90 * MINUTE),
        expiresAt: ago(-1_350 * MINUTE),
      },
    ],
    limits: [
      {
        owner: 'orders.process',
        parameter: 'customerId',
        value: "'17'",
        max: 1,
        holders: ['order-0'],
        waiters: ['order-3', 'order-12'],
        holding: 1,
        waiting: 140,
      },
    ],
    workers: [
      {
        id: 'host-a:41:1',
        host: 'host-a',
        pid: 41,
        concurrency: 20,
        running: 18,
        tasks: ['orders.process', 'mail.send'],
        startedAt: ago(5_000 * MINUTE),
        seenAt: ago(2_000),
      },
    ],
    now: {
      host: 'host-a',
      pid: 41,
      counts: { started: 1, retryFailed: 2 },
      pools: [{ name: 'default', concurrency: 10, running: 1, waiting: 0 }],
      running: 1,
      tasks: [
        {
          id: 'partners_1',
          name: 'partners',
          status: 'running',
          timing: 'afterResponse',
          isShielded: true,
          pool: 'default',
          startedAt: ago(2_000),
        },
      ],
    },
  };
}
