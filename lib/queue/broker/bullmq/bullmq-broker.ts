import type { Broker, BrokerLog } from '../broker.js';
import type { ResolvedQueueOptions } from '../queue-settings.js';
import { BullMqEnded } from './bullmq-ended.js';
import { BullMqDuties } from './bullmq-duties.js';
import { BullMqExecutions } from './bullmq-executions.js';
import { BullMqLimits } from './bullmq-limits.js';
import { BullMqLogs } from './bullmq-logs.js';
import { BullMqMaps } from './bullmq-maps.js';
import { BullMqRuns } from './bullmq-runs.js';
import { BullMqSignals } from './bullmq-signals.js';
import { BullMqTimeline } from './bullmq-timeline.js';
import type { Connections } from './connections.js';
import type { LastReply } from './patience.js';
import { Session } from './session.js';

/**
 * Keeps executions as BullMQ jobs, and moves them by BullMQ's own backend. Scripts of ours, in redis/ and postgres/, do
 * what it cannot do in one step; what it cannot keep lies in our `SideStore` beside its keys and tables.
 *
 * A user's key is the job's `deduplication.id`, which BullMQ keeps from `add` until the job has ended, in the very scripts
 * that move the job. An execution without a key has its job's id for one.
 */
export class BullMqBroker implements Broker {
  readonly isShared = true;
  readonly executions: BullMqExecutions;
  readonly ended: BullMqEnded;
  readonly runs: BullMqRuns;
  readonly limits: BullMqLimits;
  readonly logs: BullMqLogs;
  readonly maps: BullMqMaps;
  readonly signals: BullMqSignals;
  readonly timeline: BullMqTimeline;
  readonly duties: BullMqDuties;
  private readonly session: Session;

  constructor(
    readonly label: string,
    options: ResolvedQueueOptions,
    workerId: string,
    openConnections: (lastReply: LastReply) => Promise<Connections>,
    log: BrokerLog,
  ) {
    const session = new Session(label, options, workerId, openConnections, log);
    this.session = session;
    this.executions = new BullMqExecutions(session);
    this.ended = new BullMqEnded(session);
    this.runs = new BullMqRuns(session);
    this.limits = new BullMqLimits(session);
    this.logs = new BullMqLogs(session);
    this.maps = new BullMqMaps(session);
    this.signals = new BullMqSignals(session);
    this.timeline = new BullMqTimeline(session);
    this.duties = new BullMqDuties(session);
  }

  /** Waits as long as it takes to connect, and to migrate. */
  async connect(): Promise<void> {
    await this.session.openOnce();
  }

  close(): Promise<void> {
    return this.session.close();
  }
}
