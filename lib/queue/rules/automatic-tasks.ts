import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { DurableRegistry, type DurableTask } from '../declaration/durable-registry.js';
import { encodeArgs } from '../declaration/payload.js';
import { QueueLog } from '../log/queue-log.js';
import { ChainSchedules } from './chain-schedules.js';
import type { PerpetualPolicy } from '../declaration/perpetual-policy.js';
import type { Rule, RuledRun } from './rule.js';
import { describeStrike } from './strike.js';
import { Strikes } from './strikes.js';
import { isEnded, type ExecutionRecord } from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

/** Interval of looks for chains that were cut, in milliseconds: each is healed within a minute. */
const HEAL_INTERVAL = 40_000;
/** Interval of looks for as long as the broker is away, in milliseconds. */
const REPEAT_INTERVAL = 1_000;
/** Interval of looks while a chain waits for its new schedule, in milliseconds. Each look doubles it. */
const ALIGN_INTERVAL = { least: 500, most: 10_000 };

/**
 * Begins the chains of automatic perpetual tasks, and lets them follow their schedules. Their keys are their names: any
 * number of processes begin each once.
 */
@Injectable()
export class AutomaticTasks implements Rule {
  private isStarted = false;
  private isClosed = false;
  private cancelNext: (() => void) | undefined;
  private alignInterval = ALIGN_INTERVAL.least;
  private readonly spent = new Set<string>();

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly strikes: Strikes,
    private readonly schedules: ChainSchedules,
    private readonly log: QueueLog,
  ) {}

  /** Begins to look after the chains. No claim waits for that. */
  prepare(): Promise<void> {
    if (!this.isStarted && this.tasks.length > 0) {
      this.isStarted = true;
      this.strikes.changes$.subscribe(() => void this.heal());
      void this.heal();
    }
    return Promise.resolve();
  }

  afterRun(run: RuledRun, settlement: Settlement): undefined {
    this.schedules.ended(run, settlement);
  }

  close(): void {
    this.isClosed = true;
    this.cancelNext?.();
  }

  /**
   * Adds those that are not there, and brings the others in line with their schedules.
   *
   * @param names only these.
   * @returns whether nothing is left to do.
   */
  async seed(names?: readonly string[]): Promise<boolean> {
    await this.strikes.load();
    let isDone = true;
    for (const task of this.tasks) {
      if (names?.includes(task.name) !== false && task.perpetual !== undefined) {
        isDone = (await this.seedOne(task, task.perpetual)) && isDone;
      }
    }
    return isDone;
  }

  private get tasks(): DurableTask[] {
    return this.registry.tasks.filter(({ perpetual }) => perpetual?.isAutomatic === true);
  }

  private async heal(): Promise<void> {
    this.cancelNext?.();
    let interval = HEAL_INTERVAL * (0.75 + Math.random() / 2); // not all processes at once
    try {
      if (this.isClosed || (await this.seed())) this.alignInterval = ALIGN_INTERVAL.least;
      else {
        interval = this.alignInterval * (0.75 + Math.random() / 2);
        this.alignInterval = Math.min(ALIGN_INTERVAL.most, 2 * this.alignInterval);
      }
    } catch (error) {
      this.log.disrupted(error);
      interval = REPEAT_INTERVAL;
    }
    this.cancelNext?.();
    if (!this.isClosed) this.cancelNext = this.clock.schedule(interval, () => void this.heal());
  }

  /** Tells once of a task whose cron expression has had its last time. */
  private tellSpent(name: string, { schedule }: PerpetualPolicy): true {
    if (!this.spent.has(name)) this.log.seedSpent(name, schedule);
    this.spent.add(name);
    return true;
  }

  private async seedOne(task: DurableTask, policy: PerpetualPolicy): Promise<boolean> {
    const { name, parameters } = task;
    const strike = this.strikes.find({ task: name, args: [], parameters });
    if (strike !== undefined) {
      this.log.seedStruck(name, describeStrike(strike));
      return true;
    }
    const known = await this.broker.executions.get(name);
    if (known !== undefined && !isEnded(known.state)) return this.schedules.align(task, policy, known);
    const now = this.clock.now();
    const when = policy.firstAt(now, known && lastOf(known, policy));
    if (when === Infinity) return this.tellSpent(name, policy);
    const args = encodeArgs(name, []);
    const extras = { isAutomatic: true, schedule: this.schedules.of(policy) };
    const [added] = await this.broker.executions.add([
      { key: name, name, args, priority: 0, when, addedAt: now, extras },
    ]);
    if (added?.isNew !== true) return false; // what another worker has begun meanwhile may have another schedule
    this.log.seeded(name);
    this.schedules.begun(name);
    return true;
  }
}

/**
 * Returns the last time that an ended chain is done with, under the same schedule: a clock that goes back must not repeat it.
 * A chain that was cancelled while it waited for a time is not done with that time.
 */
function lastOf({ state, since, endedAt = 0, extras }: ExecutionRecord, { schedule }: PerpetualPolicy): number {
  if (extras?.schedule?.text !== schedule || extras.schedule.isOverridden === true) return -Infinity;
  const hasRun = state === 'completed' || state === 'failed' || since <= endedAt;
  return hasRun ? since : since - 1;
}
