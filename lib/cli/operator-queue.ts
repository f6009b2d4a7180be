import type { Broker } from '../queue/broker/broker.js';
import type { Clock } from '../queue/broker/clock.js';
import type { Execution } from '../queue/client/execution.js';
import type { ExecutionListing } from '../queue/client/execution-listing.js';
import type { ExecutionHandles } from '../queue/client/execution-handles.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { FollowUpStore } from '../queue/client/follow-up-store.js';
import type { History } from '../queue/client/history.js';
import type { ManualStarts } from '../queue/client/manual-starts.js';
import type { Timeline } from '../queue/client/timeline.js';
import type { Workers } from '../queue/client/workers.js';
import type { QueueLog } from '../queue/log/queue-log.js';
import { QueueControl } from '../queue/queue-control.js';
import type { Pause } from '../queue/rules/pause.js';
import type { Strikes } from '../queue/rules/strikes.js';

/** Queue of a process without an injector, and without a worker of its own. */
export class OperatorQueue extends QueueControl {
  protected override readonly worker = { info: () => undefined };
  protected override readonly outbox = undefined;

  constructor(
    protected override readonly broker: Broker,
    protected override readonly clock: Clock,
    protected override readonly executions: ExecutionHandles,
    protected override readonly fleet: Workers,
    protected override readonly endedOnes: History,
    protected override readonly listing: ExecutionListing,
    protected override readonly rows: Timeline,
    protected override readonly pauseRule: Pause,
    protected override readonly log: QueueLog,
    protected override readonly adder: ExecutionWriter,
    protected override readonly fleetStrikes: Strikes,
    protected override readonly manualStarts: ManualStarts,
    protected override readonly followUps: FollowUpStore,
  ) {
    super();
  }

  /** Adds an execution of a task that workers declare, and this process does not. */
  addRemote(task: string, args: readonly unknown[], key?: string): Promise<Execution> {
    return this.adder.addOne(task, args, { key });
  }
}
