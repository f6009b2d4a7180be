import { labelText } from '../../task/log-text.js';
import { TaskWaitError } from '../../task/task-errors.js';
import type { Broker } from '../broker/broker.js';
import type { ExecutionName } from './execution-source.js';
import { isEnded } from '../broker/record.js';
import type { WorkerRecord, Workers } from './workers.js';

/** Longest wait for the list of workers before the error of a wait that is over, in milliseconds. */
const LOOK_TIME = 500;

/** Worker of this process, for waits for results. */
export interface LocalWorker {
  /** Starts when the application has started, which has not come about. */
  readonly isExpected: boolean;
  /** Claims executions. */
  readonly isRunning: boolean;
  /** Returns its entry; nothing before its first claim, and after a long outage. */
  info(): WorkerRecord | undefined;
}

/** Tells why an execution has no result, where that is for want of a worker. */
export class ResultWaits {
  /** Worker of this process, once it is known. */
  worker: LocalWorker | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly fleet: Workers,
  ) {}

  /**
   * Keeps a hook of the application's start from waiting for a worker that waits for the hook. Where there are others in
   * the fleet, one of them runs the execution.
   *
   * @returns nothing once the application has started.
   * @throws {TaskWaitError}
   */
  check(execution: ExecutionName): Promise<void> | undefined {
    return this.worker?.isExpected === true ? this.failWithoutWorker(execution) : undefined;
  }

  /** @returns nothing where the lack of a worker is not the reason, or cannot be told. */
  async reasonFor({ id, key, name, isUncommitted }: ExecutionName): Promise<string | undefined> {
    if (isUncommitted === true && (await this.isUnknown(id, key))) {
      return 'Its transaction has not committed, or was rolled back.';
    }
    const workers = await this.workers();
    if (workers === undefined) return undefined;
    if (workers.length === 0) {
      return 'No worker runs in the fleet. Start a process that declares the task, without queue: { worker: false }.';
    }
    if (workers.some(({ tasks }) => tasks.includes(name))) return undefined;
    return `No worker of the fleet (${workers.length} running) declares task '${labelText(name)}'. Declare it with @Durable() in a process that has a worker.`;
  }

  /** @returns false where the broker cannot tell. */
  private async isUnknown(id: string, key: string): Promise<boolean> {
    return (await this.broker.executions.find(id, key).catch(() => null)) === undefined;
  }

  private async failWithoutWorker({ id, key, name }: ExecutionName): Promise<void> {
    const status = await this.broker.executions.find(id, key);
    if (status === undefined || isEnded(status.state)) return;
    if ((await this.fleet.present()).length > 0 || this.worker?.isExpected !== true) return;
    throw new TaskWaitError(
      `The result of execution ${labelText(key)} of task ${labelText(name)} is awaited before the application has started. The only worker starts after that. Await it after app.init() or app.listen(), not in onModuleInit(), onApplicationBootstrap() or a factory. Without the await, the execution still runs.`,
    );
  }

  /** Returns the workers of the fleet; nothing where the broker does not answer in time. */
  private async workers(): Promise<readonly WorkerRecord[] | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), LOOK_TIME);
    });
    const announced = await Promise.race([this.fleet.present().catch(() => undefined), late]);
    clearTimeout(timer);
    if (announced === undefined || this.worker?.isRunning !== true) return announced;
    const own = this.worker.info();
    return own && [...announced.filter(({ id }) => id !== own.id), own];
  }
}
