import type { Clock } from '../queue/broker/clock.js';
import type { Execution } from '../queue/client/execution.js';
import type { QueueControl } from '../queue/queue-control.js';
import type { ActionBodies, ActionResult, ExecutionTarget } from './api.js';
import { endedFilterOf } from './execution-query.js';
import { strikePartsOf } from './fleet-strikes.js';
import { InputError } from './input-error.js';

/** Name of the person who acts: kept with strikes and pauses. */
export interface Actor {
  readonly by?: string | undefined;
}

/** Actions on the fleet, from JSON, for the dashboard and the command line. */
export class FleetActions {
  constructor(
    private readonly queue: QueueControl,
    private readonly clock: Clock,
  ) {}

  async cancel({ key, id, reason }: ActionBodies['cancel']): Promise<ActionResult> {
    if (id === undefined) return { result: await this.queue.cancel(key, reason) };
    const execution = await this.queue.find({ key, id });
    return { result: execution === undefined ? 'not-found' : await execution.cancel(reason) };
  }

  async retry(target: ActionBodies['retry']): Promise<ActionResult> {
    return { result: await this.onFound(target, (found) => this.queue.retry(found)) };
  }

  async forget(target: ActionBodies['forget']): Promise<ActionResult> {
    const forget = async (found: Execution | string): Promise<string> =>
      (await this.queue.forget(found)) ? 'forgotten' : 'not-found';
    return { result: await this.onFound(target, forget) };
  }

  /** Starts a scheduled execution now. */
  async runNow(target: ActionBodies['run-now']): Promise<ActionResult> {
    return { result: await this.queue.runNow(target) };
  }

  /** @throws {TaskArgumentError} when the filter has no condition. */
  async retryAll({ perSecond, ...filter }: ActionBodies['retry-all']): Promise<ActionResult> {
    const bulk = await this.queue.retryAll(endedFilterOf(filter, this.clock.now()), { perSecond });
    return { result: 'added', execution: { key: bulk.key, id: bulk.id } };
  }

  /** @throws {TaskArgumentError} when the filter has no condition. */
  async forgetAll(filter: ActionBodies['forget-all']): Promise<ActionResult> {
    const bulk = await this.queue.forgetAll(endedFilterOf(filter, this.clock.now()));
    return { result: 'added', execution: { key: bulk.key, id: bulk.id } };
  }

  /** Cancels everything that does not run. */
  async clear(): Promise<ActionResult> {
    return { result: 'cleared', count: await this.queue.clear() };
  }

  async pause({ reason, by }: ActionBodies['pause'] & Actor): Promise<ActionResult> {
    await this.queue.pause({ reason, by });
    return { result: 'paused' };
  }

  async resume(): Promise<ActionResult> {
    return { result: (await this.queue.resume()) ? 'resumed' : 'not-paused' };
  }

  /** @throws {InputError} {@link TaskArgumentError} when something cannot be used. */
  async strike({ mode, reason, expiresIn, by, ...target }: ActionBodies['strike'] & Actor): Promise<ActionResult> {
    const { task, where } = strikePartsOf(target);
    if (expiresIn !== undefined && /^\d+$/.test(expiresIn)) {
      // Milliseconds to the queue: the strike would be over before anybody looks.
      throw new InputError('expiresIn', expiresIn, "a duration with its unit, such as '30m' or '1d'");
    }
    const options = { mode, reason, expiresIn, by };
    // Both forms of the call come to the same: the queue refuses a strike on all tasks without a condition.
    await this.queue.strike(task as string, where === undefined ? options : { ...options, where });
    return { result: 'struck' };
  }

  /** @throws {InputError} {@link TaskArgumentError} when something cannot be used. */
  async restore(target: ActionBodies['restore']): Promise<ActionResult> {
    const { task, where } = strikePartsOf(target);
    const wasThere = await (where === undefined
      ? this.queue.restore(task)
      : this.queue.restore(task, { where: [...where] }));
    return { result: wasThere ? 'restored' : 'not-found' };
  }

  private async onFound<R>(
    { key, id }: ExecutionTarget,
    act: (found: Execution | string) => Promise<R>,
  ): Promise<R | 'not-found'> {
    if (id === undefined) return act(key);
    const execution = await this.queue.find({ key, id });
    return execution === undefined ? 'not-found' : act(execution);
  }
}
