import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../brokers/broker.js';
import { CLOCK, type Clock } from '../clock.js';
import { DurableRegistry, type DurableTask } from '../durable-registry.js';
import { encodeArgs } from '../payload.js';
import { QueueLog } from '../queue-log.js';
import { Strikes } from './strikes.js';

/** How often chains that were cut are looked for, in milliseconds: each is healed within a minute. */
const HEAL_INTERVAL = 40_000;
/** After a failure, for as long as the broker is away. */
const REPEAT_INTERVAL = 1_000;

/** Begins the chains of automatic perpetual tasks. Their keys are their names: any number of processes begin each once. */
@Injectable()
export class AutomaticTasks {
  private isStarted = false;
  private isClosed = false;
  private cancelNext: (() => void) | undefined;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly strikes: Strikes,
    private readonly log: QueueLog,
  ) {}

  start(): void {
    if (this.isStarted || this.tasks.length === 0) return;
    this.isStarted = true;
    this.strikes.changes$.subscribe(() => void this.heal());
    void this.heal();
  }

  close(): void {
    this.isClosed = true;
    this.cancelNext?.();
  }

  /** Adds those that are not there. @param names only these. */
  async seed(names?: readonly string[]): Promise<void> {
    await this.strikes.load();
    for (const task of this.tasks) if (names?.includes(task.name) !== false) await this.seedOne(task);
  }

  private get tasks(): DurableTask[] {
    return this.registry.tasks.filter(({ perpetual }) => perpetual?.isAutomatic === true);
  }

  private async heal(): Promise<void> {
    this.cancelNext?.();
    let interval = HEAL_INTERVAL * (0.75 + Math.random() / 2); // not all processes at once
    try {
      if (!this.isClosed) await this.seed();
    } catch (error) {
      this.log.disrupted(error);
      interval = REPEAT_INTERVAL;
    }
    this.cancelNext?.();
    if (!this.isClosed) this.cancelNext = this.clock.schedule(interval, () => void this.heal());
  }

  private async seedOne({ name, perpetual, parameters }: DurableTask): Promise<void> {
    const strike = this.strikes.find({ task: name, args: [], parameters });
    if (strike !== undefined) {
      this.log.seedStruck(name, strike);
      return;
    }
    const now = this.clock.now();
    const when = perpetual?.firstAt(now) ?? now;
    const args = encodeArgs(name, []);
    const [added] = await this.broker.add([
      { key: name, name, args, priority: 0, when, addedAt: now, extras: { isAutomatic: true } },
    ]);
    if (added?.isNew === true) this.log.seeded(name);
  }
}
