import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { storedFor } from '../broker/retention.js';
import { endOf, type Settlement } from '../broker/settlement.js';
import type { ExecutionRun } from './execution-run.js';
import type { LinesStore } from './run-logs.js';

/** Time for which the lines of an execution stay that goes on, after it is due again, in milliseconds. */
const LIVE_TTL = 30 * 24 * 3_600_000;

/** Stores what runs have logged: with their progress, and before their settlement. Nothing where nothing was logged. */
@Injectable()
export class LogKeeper {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
  ) {}

  /**
   * @param settlement end of the run, where it has one.
   * @returns what resolves when the lines are stored; nothing where there are none. Lost lines fail no run.
   */
  keep(run: ExecutionRun, settlement?: Settlement): Promise<void> | undefined {
    const { logs } = run;
    if (logs === undefined || !logs.hasNews) return undefined;
    return logs.store(this.storeFor(run, settlement));
  }

  private storeFor({ claim }: ExecutionRun, settlement: Settlement | undefined): LinesStore {
    const { id, record } = claim;
    const { logs } = this.broker;
    const isFirst = record.starts <= 1;
    return {
      read: () => (isFirst ? Promise.resolve(undefined) : logs.read(id)),
      write: (text) => logs.write(id, text, this.ttlOf(record.name, settlement)),
    };
  }

  private ttlOf(task: string, settlement: Settlement | undefined): number {
    const { retention } = this.options;
    const end = settlement && endOf(settlement);
    if (end !== undefined) return storedFor(retention.of(task, end));
    const dueAt = settlement !== undefined && 'at' in settlement ? (settlement.at ?? 0) : 0;
    const longest = Math.max(LIVE_TTL, retention.of(task, 'failed'), retention.of(task, 'completed'));
    return longest + Math.max(0, dueAt - this.clock.now());
  }
}
