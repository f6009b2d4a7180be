/**
 * JSON of the dashboard's API, version 1, which the command line prints with `--json` as well. The page shares these types,
 * so nothing here imports code. Times are ISO 8601 texts, durations are in milliseconds.
 */

/** Version of the API, and part of its paths. A change that a client can see gets a new one. */
export type ApiVersion = 'v1';

export type LiveStateName = 'scheduled' | 'queued' | 'parked' | 'running' | 'retrying';
export type EndStateName = 'completed' | 'failed' | 'cancelled' | 'dropped';
export type StateName = LiveStateName | EndStateName;

/** Rights of a caller: `read` sees all views, `write` acts as well. */
export type Access = 'none' | 'read' | 'write';

export interface ErrorView {
  readonly name: string;
  readonly message: string;
}

/** Error with what is stored of it. */
export interface ErrorDetail extends ErrorView {
  readonly code?: string | number;
  readonly status?: number;
  readonly stack?: string;
  readonly cause?: ErrorDetail;
  /** Errors of an AggregateError. */
  readonly errors?: readonly ErrorDetail[];
}

export interface ProgressView {
  readonly current: number;
  readonly total: number;
  readonly message?: string;
}

/** Execution in a list. Arguments are neither in it nor read for it. */
export interface ExecutionSummary {
  readonly id: string;
  readonly key: string;
  readonly task: string;
  readonly state: StateName;
  readonly attempt: number;
  readonly priority: number;
  /** Time at which it is due, or was. */
  readonly when: string;
  readonly addedAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly worker?: string;
  readonly reason?: string;
  readonly progress?: ProgressView;
  readonly error?: ErrorView;
}

export interface TrailView {
  readonly at: string;
  readonly type: string;
  readonly reason: string;
  readonly worker?: string;
  /** Number of times in a row. Absent for one. */
  readonly times?: number;
}

export interface LogLineView {
  readonly at: string;
  readonly level: string;
  readonly message: string;
  readonly attempt: number;
}

/** One execution with all that is kept of it. */
export interface ExecutionDetail extends Omit<ExecutionSummary, 'error'> {
  /** Call with the arguments that `@Logged()` shows. Absent where this process does not know the task. */
  readonly call?: string;
  readonly error?: ErrorDetail;
  readonly trail: readonly TrailView[];
  readonly logs: readonly LogLineView[];
}

/** Filter of a list of executions: all that is set must hold. */
export interface ExecutionFilter {
  /** Default: all states. */
  readonly state?: readonly StateName[];
  readonly task?: string;
  readonly keyPrefix?: string;
  /** Text in the name or the message of the error. */
  readonly error?: string;
  /** Kind of the error, as `name: message` of a group of failures. Leaves out what has not ended. */
  readonly kind?: string;
  /** Id of the worker that runs it, or was the last to. */
  readonly worker?: string;
  /** Beginning of the ends that count: an ISO time, or a duration ago such as `1h`. Leaves out what has not ended. */
  readonly since?: string;
  readonly until?: string;
}

export interface ExecutionQuery extends ExecutionFilter {
  /** From 1 to 200. Default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** Executions that have not ended, by their next start; then ended ones, newest first. */
export interface ExecutionPage {
  readonly executions: readonly ExecutionSummary[];
  /** For the next page; absent at the end. A page may be shorter than its limit, or empty, with more to come. */
  readonly cursor?: string;
}

/** Number of executions that a filter matches. */
export interface ExecutionCount {
  readonly count: number;
}

export interface FailureView {
  readonly task: string;
  readonly error: ErrorView;
  readonly count: number;
  readonly first: string;
  readonly last: string;
  /** Key of the last of them. */
  readonly example: string;
}

export interface DepthView {
  readonly scheduled: number;
  readonly waiting: number;
  readonly parked: number;
  readonly running: number;
  readonly retrying: number;
  /** Time since the first waiting one was due. Absent where none waits. */
  readonly oldestWait?: number;
}

export interface PauseView {
  readonly reason?: string;
  readonly by?: string;
  readonly since: string;
}

/** Fleet now. */
export interface StatsView {
  readonly total: DepthView;
  readonly tasks: Readonly<Record<string, DepthView>>;
  readonly isPaused: boolean;
  readonly outbox?: { readonly waiting: number; readonly oldestWait?: number };
}

export interface PercentilesView {
  readonly p50?: number;
  readonly p95?: number;
}

/** Counts of all tasks in one step of time. */
export interface TimelinePoint {
  readonly at: string;
  readonly added: number;
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
  readonly cancelled: number;
  readonly dropped: number;
  /** Times from due to start, of all tasks together. */
  readonly wait: PercentilesView;
  readonly run: PercentilesView;
}

/** Sentence about something that needs a person, the most urgent first. */
export interface AttentionView {
  readonly level: 'error' | 'warning';
  readonly text: string;
  /** View where it can be acted on, with its query, such as `executions?state=failed`. */
  readonly view: string;
}

export type OverviewRange = '1h' | '24h' | '72h';

export interface OverviewView {
  readonly stats: StatsView;
  readonly workers: number;
  readonly attention: readonly AttentionView[];
  readonly range: OverviewRange;
  /** Length of a step in milliseconds. Steps without any count are there, with zeros. */
  readonly step: number;
  readonly timeline: readonly TimelinePoint[];
}

/** What every page shows: sent first, and when it changes. */
export interface SummaryView {
  /** Queue, such as `tasks on Redis`. */
  readonly queue: string;
  readonly version: string;
  readonly access: Access;
  /** User, as the application's hook tells. */
  readonly user?: string;
  readonly pause?: PauseView;
  readonly attention: readonly AttentionView[];
}

export interface TaskView {
  readonly name: string;
  /** False where the process that answers does not declare the task. */
  readonly isDeclared: boolean;
  readonly depth: DepthView;
  /** Sums of the last hour. */
  readonly lastHour: {
    readonly started: number;
    readonly completed: number;
    readonly failed: number;
    readonly retried: number;
    /** Started runs a minute, over the hour. */
    readonly perMinute: number;
    readonly wait: PercentilesView;
    readonly run: PercentilesView;
  };
  /** Behaviours in force, in words, such as `at most 1 at once for each customerId`. */
  readonly behaviours: readonly string[];
}

export interface ScheduleView {
  readonly task: string;
  readonly key: string;
  /** Such as `every 1m`, `0 3 * * * (Europe/Berlin)`. Absent where nothing here knows it. */
  readonly schedule?: string;
  readonly state: LiveStateName;
  /** Next start. */
  readonly next: string;
  /** Start of the last run. */
  readonly last?: string;
  /** Number of runs, with the one that is next. */
  readonly run: number;
}

export interface StrikeView {
  /** Name of the task; `null` for all tasks. */
  readonly task: string | null;
  readonly parameter?: string;
  readonly operator?: string;
  /** Value as text that the actions take back, such as `12345`, `int:5`, `json:[1,2]`. */
  readonly value?: string;
  /** Condition in words. */
  readonly text: string;
  readonly mode: 'drop' | 'hold';
  readonly reason?: string;
  readonly by?: string;
  readonly since: string;
  readonly expiresAt?: string;
}

export interface LimitView {
  /** Task, or scope that tasks share. */
  readonly owner: string;
  readonly parameter?: string;
  /** Value that the executions share: of a parameter with `@Logged()` only. */
  readonly value?: string;
  readonly max: number;
  /** Keys of the first 100 holders and waiters. */
  readonly holders: readonly string[];
  readonly waiters: readonly string[];
  readonly holding: number;
  readonly waiting: number;
}

export interface WorkerView {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  readonly running: number;
  readonly tasks: readonly string[];
  readonly startedAt: string;
  readonly seenAt: string;
}

/** Request task that runs in the process that answers. */
export interface RequestTaskView {
  /** Unique in the process. */
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly timing: string;
  readonly isShielded: boolean;
  readonly pool?: string;
  readonly startedAt: string;
}

export interface PoolView {
  readonly name: string;
  /** Absent where unlimited. */
  readonly concurrency?: number;
  readonly running: number;
  readonly waiting: number;
}

/** Request tasks of the process that answers: no other process has them. */
export interface NowView {
  readonly host: string;
  readonly pid: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly pools: readonly PoolView[];
  /** Number of tasks that run. */
  readonly running: number;
  /** Newest 500 of them, the newest first. */
  readonly tasks: readonly RequestTaskView[];
}

/** Views by their names, which are their paths below `api/v1/`. */
export interface Views {
  readonly summary: SummaryView;
  readonly overview: OverviewView;
  readonly executions: ExecutionPage;
  readonly execution: ExecutionDetail;
  readonly failures: readonly FailureView[];
  readonly tasks: readonly TaskView[];
  readonly schedules: readonly ScheduleView[];
  readonly strikes: readonly StrikeView[];
  readonly limits: readonly LimitView[];
  readonly workers: readonly WorkerView[];
  readonly now: NowView;
}

export type ViewName = keyof Views;

/** Execution that an action means: the one with the id; without it, the one with the key, or the last that had it. */
export interface ExecutionTarget {
  readonly key: string;
  readonly id?: string;
}

/** Strike to make, or to take back. Without a parameter it is on the whole task. */
export interface StrikeTargetBody {
  readonly task: string | null;
  readonly parameter?: string;
  readonly operator?: string;
  /** Typed value: `12345` is a string; `int:5`, `number:1.5`, `bool:true`, `date:2026-01-01`, `json:["a","b"]`. */
  readonly value?: string;
}

/** Bodies of the actions, by their names, which are their paths below `api/v1/`. All are POST. */
export interface ActionBodies {
  readonly cancel: ExecutionTarget & { readonly reason?: string };
  readonly retry: ExecutionTarget;
  readonly forget: ExecutionTarget;
  readonly 'run-now': ExecutionTarget;
  readonly 'retry-all': ExecutionFilter & { readonly perSecond?: number };
  readonly 'forget-all': ExecutionFilter;
  readonly clear: Record<string, never>;
  readonly pause: { readonly reason?: string };
  readonly resume: Record<string, never>;
  readonly strike: StrikeTargetBody & {
    readonly mode?: 'drop' | 'hold';
    readonly reason?: string;
    readonly expiresIn?: string;
  };
  readonly restore: StrikeTargetBody;
}

export type ActionName = keyof ActionBodies;

/** Answer of an action. */
export interface ActionResult {
  /** Such as `cancelled`, `signalled`, `retried`, `already-scheduled`, `not-found`, `paused`. */
  readonly result: string;
  /** Number of executions that it is about. */
  readonly count?: number;
  /** Execution that does the work, of `retry-all` and `forget-all`: its progress can be watched. */
  readonly execution?: ExecutionTarget;
}

/** Body of an answer with a status of 400 or above that the dashboard gives. Guards of the application give their own. */
export interface ApiError {
  readonly statusCode: number;
  readonly error: string;
  /** Cause and remedy. */
  readonly message: string;
}
