import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { Workers } from '../client/workers.js';
import type { DurableTask } from '../declaration/durable-registry.js';
import type { RuledRun } from './rule.js';
import { QueueLog } from '../log/queue-log.js';
import { WORKER_ID } from '../broker/queue-settings.js';
import { PerpetualPolicy } from '../declaration/perpetual-policy.js';
import { REASONS } from '../broker/reasons.js';
import type { ChainSchedule, ExecutionRecord } from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

/**
 * Absence of the worker behind a schedule after which a worker that declares another one takes over, in milliseconds. Longer
 * than the time between two looks, in which a worker that declares the same schedule takes its place.
 */
const ORPHAN_TIME = 60_000;

/** Rule for the next run of a chain. */
export interface ChainRule {
  readonly policy: PerpetualPolicy;
  /** Kept with the chain of an automatic task. */
  readonly schedule?: ChainSchedule;
  /** Policy that was in force until this run. */
  readonly former?: PerpetualPolicy;
}

/**
 * Brings the chains of automatic tasks in line with the schedules that this worker declares.
 *
 * The schedule in force is kept with the chain, and all workers go by it. A worker that declares another schedule puts that
 * in force once after its start, and again when the worker behind the schedule in force has gone. So the last start wins,
 * two versions do not take turns, and the version that stays wins in the end.
 */
@Injectable()
export class ChainSchedules {
  /** Tasks whose schedule this worker has put in force, or found in force, since its start. */
  private readonly concluded = new Set<string>();
  /** Workers behind schedules that were not there at the last look, and since when, by task. */
  private readonly missing = new Map<string, { readonly worker: string; readonly since: number }>();

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(WORKER_ID) private readonly workerId: string,
    private readonly workers: Workers,
    private readonly log: QueueLog,
  ) {}

  /** Takes note of a chain that this worker has begun, by its own schedule. */
  begun(name: string): void {
    this.conclude(name);
  }

  /** Returns the schedule that a policy puts in force here. */
  of({ schedule }: PerpetualPolicy): ChainSchedule {
    return { text: schedule, by: this.workerId };
  }

  /** Chooses between the policy that the task declares here and the one that its chain carries. */
  ruleOf({ name }: DurableTask, own: PerpetualPolicy, { key, extras }: ExecutionRecord): ChainRule {
    const isKept = own.isAutomatic || extras?.schedule !== undefined;
    if (!isKept || key !== name) return { policy: own };
    // A chain that another version has begun by itself, and this one would not: a worker of the other may come back.
    if (!own.isAutomatic || extras?.schedule === undefined) return { policy: own, schedule: this.of(own) };
    const { isOverridden: _isOverridden, ...schedule } = extras.schedule;
    if (schedule.text === own.schedule) return { policy: own, schedule: this.of(own) };
    const former = PerpetualPolicy.read(schedule.text);
    if (former === undefined) return { policy: own, schedule: this.of(own) };
    return this.concluded.has(name) ? { policy: former, schedule } : { policy: own, schedule: this.of(own), former };
  }

  /** Takes note of a run that has ended here, and may have brought the schedule of this worker in force. */
  ended(run: RuledRun, settlement: Settlement): void {
    if (settlement.type !== 'reschedule' || settlement.schedule?.by !== this.workerId) return;
    const { text, isOverridden } = settlement.schedule;
    const former = run.perpetual?.formerAt;
    if (former === undefined || this.concluded.has(run.name)) return;
    this.conclude(run.name);
    this.log.retimed(run.name, isOverridden === true ? settlement.at : former, settlement.at, text);
  }

  /**
   * Looks at the chain of an automatic task, and moves its next run to the time that the schedule of this worker wants.
   *
   * @returns whether nothing is left to do. A run that has begun, or is due, is left alone: its end decides.
   */
  async align({ name }: DurableTask, own: PerpetualPolicy, record: ExecutionRecord): Promise<boolean> {
    const known = record.extras?.schedule;
    // A user has put the execution there, and so has chosen its time: the next run decides.
    if (known === undefined) return this.conclude(name);
    const isMovable = record.state === 'scheduled' && record.since === record.when;
    if (known.text === own.schedule) {
      if (isMovable && (await this.isMissing(name, known.by))) await this.inherit(record, known);
      return this.conclude(name);
    }
    if (this.concluded.has(name)) {
      if (!(await this.isMissing(name, known.by))) return true;
      if (!this.isOrphaned(name)) return false;
      this.concluded.delete(name);
    }
    if (!isMovable) return false;
    const at = this.timeOf(own, known, record);
    if (at === Infinity) {
      const reason = REASONS.scheduleSpent(own.schedule);
      if ((await this.broker.executions.cancel(name, reason, record.id)) === 'cancelled')
        this.log.cancelled(name, name, reason);
      return this.conclude(name);
    }
    const schedule = { ...this.of(own), ...(known.isOverridden && { isOverridden: known.isOverridden }) };
    if (!(await this.broker.executions.retime(record, at, schedule))) return false;
    this.log.retimed(name, record.when, at, own.schedule);
    return this.conclude(name);
  }

  private conclude(name: string): true {
    this.concluded.add(name);
    this.missing.delete(name);
    return true;
  }

  /** Takes the place of a worker that has gone, behind the same schedule. If another does so first, that is as good. */
  private async inherit(record: ExecutionRecord, known: ChainSchedule): Promise<void> {
    await this.broker.executions.retime(record, record.when, { ...known, by: this.workerId });
  }

  private timeOf(own: PerpetualPolicy, known: ChainSchedule, { run, when }: ExecutionRecord): number {
    if (known.isOverridden === true) return when;
    const last = run > 1 ? PerpetualPolicy.read(known.text)?.startBefore(when) : undefined;
    return own.resumeAt(last, this.clock.now());
  }

  private async isMissing(name: string, worker: string): Promise<boolean> {
    if (worker === this.workerId || (await this.workers.present()).some(({ id }) => id === worker)) {
      this.missing.delete(name);
      return false;
    }
    if (this.missing.get(name)?.worker !== worker) this.missing.set(name, { worker, since: this.clock.now() });
    return true;
  }

  /** Tells whether a worker has been missing for long: a new worker may not have announced itself yet. */
  private isOrphaned(name: string): boolean {
    const { since = Infinity } = this.missing.get(name) ?? {};
    return this.clock.now() - since >= ORPHAN_TIME;
  }
}
