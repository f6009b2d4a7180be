import { labelText } from '../../task/log-text.js';
import { TaskWaitError } from '../../task/task-errors.js';
import type { Broker } from '../broker/broker.js';
import type { ExecutionName } from './execution-source.js';
import { isEnded } from '../broker/record.js';
import type { WorkerRecord, Workers } from './workers.js';

/** How long the error of a wait that is over may still wait for the list of workers, in milliseconds. */
const LOOK_TIME = 500;

/** The worker of this process, as far as waits for results need to know it. */
export interface LocalWorker {
  /** Starts when the application has started, which has not come about. */
  readonly isExpected: boolean;
  /** Claims executions. */
  readonly isRunning: boolean;
  /** Nothing while it has not claimed yet, and when it has not been able to for long. */
  info(): WorkerRecord | undefined;
}

/** Tells why an execution has no result, where that is for want of a worker. */
export class ResultWaits {
  /** Until it is known, this process has none. */
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
  async reasonFor({ name }: ExecutionName): Promise<string | undefined> {
    const workers = await this.workers();
    if (workers === undefined) return undefined;
    if (workers.length === 0) {
      return 'No worker runs anywhere in the fleet: start a process without queue: { worker: false } that declares the task.';
    }
    if (workers.some(({ tasks }) => tasks.includes(name))) return undefined;
    const count = workers.length === 1 ? 'The one worker' : `None of the ${workers.length} workers`;
    const verb = workers.length === 1 ? 'does not know' : 'knows';
    return `${count} of the fleet ${verb} task '${labelText(name)}': declare it with @Durable() in a process that has a worker.`;
  }

  private async failWithoutWorker({ id, key, name }: ExecutionName): Promise<void> {
    const status = await this.broker.executions.find(id, key);
    if (status === undefined || isEnded(status.state)) return;
    if ((await this.fleet.present()).length > 0 || this.worker?.isExpected !== true) return;
    throw new TaskWaitError(
      `The result of execution ${labelText(key)} of task ${labelText(name)} is awaited before the application has started, and the only worker starts after that.`,
      'Await it after app.init() or app.listen(), and not in onModuleInit(), onApplicationBootstrap() or a factory; without the await the execution runs all the same.',
    );
  }

  /** All of the fleet; nothing where the broker does not answer in time. */
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
