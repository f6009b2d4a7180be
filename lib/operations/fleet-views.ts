import { inspect } from 'node:util';
import type { Clock } from '../queue/broker/clock.js';
import type { LimitPool } from '../queue/queue-snapshot.js';
import type { OutboxStats, QueueStats, TaskStats } from '../queue/queue-stats.js';
import type { QueueControl } from '../queue/queue-control.js';
import type {
  AttentionView,
  DepthView,
  ExecutionCount,
  ExecutionDetail,
  ExecutionFilter,
  ExecutionPage,
  ExecutionQuery,
  ExecutionTarget,
  FailureView,
  LimitView,
  OverviewRange,
  OverviewView,
  PauseView,
  ScheduleView,
  StatsView,
  StrikeView,
  TaskView,
  WorkerView,
} from './api.js';
import { attentionOf, type FleetState } from './attention.js';
import type { DeclaredTasks } from './declared-tasks.js';
import { detailOf, summaryOf } from './execution-json.js';
import { listingFilterOf, momentOfText } from './execution-query.js';
import { schedulesOf } from './fleet-schedules.js';
import { strikeViewOf } from './fleet-strikes.js';
import { lastHourOf, pointsOf, RANGES } from './fleet-timeline.js';
import { InputError } from './input-error.js';

/** Executions of a page, where nothing else is asked for. */
const PAGE = 50;
/** Keys of a pool that are listed. */
const LISTED = 100;
/** Longest text of a value, in characters. */
const LONGEST_VALUE = 200;
/** Time for which the failures behind the attention of all pages are taken to be the same, in milliseconds. */
const FAILURES_AGE = 10_000;
const EMPTY: TaskStats = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestWait: undefined };

/** Views of the fleet as JSON, for the dashboard and the command line. Arguments are in none but where `@Logged()` shows them. */
export class FleetViews {
  constructor(
    private readonly queue: QueueControl,
    private readonly declared: DeclaredTasks,
    private readonly clock: Clock,
  ) {}

  async overview(range: OverviewRange = '1h'): Promise<OverviewView> {
    if (!Object.hasOwn(RANGES, range)) throw new InputError('range', range, Object.keys(RANGES).join(', '));
    const { span, step } = RANGES[range];
    const now = this.clock.now();
    const [state, totals] = await Promise.all([
      this.state(),
      this.queue.timelineTotals({ since: new Date(now - span), step }),
    ]);
    return {
      stats: statsOf(state.stats),
      workers: state.workers,
      attention: attentionOf(state),
      range,
      step,
      timeline: pointsOf(totals, now - span, now, step),
    };
  }

  /** @throws {InputError} */
  async executions({ limit = PAGE, cursor, ...filter }: ExecutionQuery): Promise<ExecutionPage> {
    const look = { limit, ...(cursor !== undefined && { cursor }) };
    const page = await this.queue.page(listingFilterOf(filter, this.clock.now()), look);
    return { executions: page.records.map(summaryOf), ...(page.cursor !== undefined && { cursor: page.cursor }) };
  }

  /** Counts ended executions that match. The cost grows with their number. */
  async count(filter: ExecutionFilter): Promise<ExecutionCount> {
    return { count: await this.queue.count(listingFilterOf(filter, this.clock.now())) };
  }

  async execution(target: ExecutionTarget): Promise<ExecutionDetail | undefined> {
    const execution = await this.queue.find(target);
    return execution && detailOf(execution, this.declared);
  }

  /** @throws {InputError} */
  async failures({ since }: { since?: string | undefined } = {}): Promise<FailureView[]> {
    const from = since === undefined ? {} : { since: momentOfText('since', since, this.clock.now()) };
    const groups = await this.queue.failures(from);
    return groups.map(({ first, last, ...group }) => ({
      ...group,
      first: first.toISOString(),
      last: last.toISOString(),
    }));
  }

  async stats(): Promise<StatsView> {
    return statsOf(await this.queue.stats());
  }

  /** Returns declared tasks, and others that have executions or have run in the last hour. */
  async tasks(): Promise<TaskView[]> {
    const [stats, rows] = await Promise.all([
      this.queue.stats(),
      this.queue.timelineByTask({ since: new Date(this.clock.now() - RANGES['1h'].span) }),
    ]);
    const hours = new Map(rows.map((row) => [row.task, row]));
    // Tasks may be called `constructor`, which every object has.
    const depths = new Map(Object.entries(stats.tasks));
    const names = new Set([...this.declared.names, ...Object.keys(stats.tasks), ...hours.keys()]);
    return [...names].toSorted().map((name) => ({
      name,
      isDeclared: this.declared.isDeclared(name),
      depth: depthOf(depths.get(name) ?? EMPTY),
      lastHour: lastHourOf(hours.get(name)),
      behaviours: this.declared.behavioursOf(name),
    }));
  }

  schedules(): Promise<ScheduleView[]> {
    return schedulesOf(this.queue, this.declared);
  }

  async strikes(): Promise<StrikeView[]> {
    return (await this.queue.strikes()).map(strikeViewOf);
  }

  /** @param options `showValues`: shows the values of all pools, which are arguments. For whoever may read the store itself. */
  async limits({ showValues = false }: { showValues?: boolean } = {}): Promise<LimitView[]> {
    return (await this.queue.limits()).map((pool) => this.limitOf(pool, showValues));
  }

  async workers(): Promise<WorkerView[]> {
    const workers = await this.queue.workers();
    return workers.map(({ startedAt, seenAt, ...worker }) => ({
      ...worker,
      startedAt: startedAt.toISOString(),
      seenAt: seenAt.toISOString(),
    }));
  }

  async pause(): Promise<PauseView | undefined> {
    const pause = await this.queue.pauseState();
    return pause && { ...pause, since: pause.since.toISOString() };
  }

  /** Returns what needs a person, the most urgent first. */
  async attention(): Promise<AttentionView[]> {
    return attentionOf(await this.state());
  }

  private async state(): Promise<FleetState> {
    const hour = new Date(Math.floor(this.clock.now() / FAILURES_AGE) * FAILURES_AGE - RANGES['1h'].span);
    const [stats, pause, workers, failures] = await Promise.all([
      this.queue.stats(),
      this.pause(),
      this.queue.workers(),
      this.queue.failures({ since: hour }),
    ]);
    return { stats, pause, workers: workers.length, failures };
  }

  private limitOf({ owner, parameter, value, max, holders, waiters }: LimitPool, showValues: boolean): LimitView {
    const isShown = showValues || (parameter !== undefined && this.declared.shows(owner, parameter));
    return {
      owner,
      ...(parameter !== undefined && { parameter }),
      ...(isShown && value !== undefined && { value: valueText(value) }),
      max,
      holders: holders.slice(0, LISTED),
      waiters: waiters.slice(0, LISTED),
      holding: holders.length,
      waiting: waiters.length,
    };
  }
}

function statsOf({ total, tasks, isPaused, outbox }: QueueStats): StatsView {
  return {
    total: depthOf(total),
    tasks: Object.fromEntries(Object.entries(tasks).map(([name, depth]) => [name, depthOf(depth)])),
    isPaused,
    ...(outbox !== undefined && { outbox: withWait(outbox) }),
  };
}

function depthOf(depth: TaskStats): DepthView {
  return withWait(depth);
}

function withWait<T extends TaskStats | OutboxStats>({
  oldestWait,
  ...counts
}: T): Omit<T, 'oldestWait'> & { oldestWait?: number } {
  return { ...counts, ...(oldestWait !== undefined && { oldestWait }) };
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 2, breakLength: Infinity });
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
