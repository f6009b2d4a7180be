import { Injectable } from '@nestjs/common';
import type { ConfigLayer } from '../task/config-layer.js';
import type { ResolvedTaskConfig, TaskConfig } from '../task/task-config.js';
import { describeValue } from '../task/task-errors.js';
import type { TaskTiming } from '../task/task-outcome.js';
import type { TaskOrigin, TaskParts, TaskRun } from '../task/task-parts.js';
import { Task } from '../task/task.js';
import { ErrorHandlers } from './error-handlers.js';
import { ProviderMethods } from './provider-methods.js';
import { TaskEvents } from './task-events.js';
import { TaskLedger } from './task-ledger.js';
import { TaskRunner } from './task-runner.js';

type AnyFunction = (...args: never[]) => unknown;

/** Where a task is scheduled. */
export interface TaskPlace {
  readonly timing: TaskTiming;
  readonly layer: ConfigLayer;
  readonly origin: TaskOrigin | undefined;
}

/** A function, and what it is called with and on. */
export type TaskCall = Pick<TaskParts, 'func' | 'args' | 'host'>;

/** Makes tasks: merges the layers of their options and finds what an unbound method runs on. */
@Injectable()
export class TaskFactory {
  constructor(
    private readonly methods: ProviderMethods,
    private readonly runner: TaskRunner,
    private readonly ledger: TaskLedger,
    private readonly events: TaskEvents,
    private readonly errorHandlers: ErrorHandlers,
  ) {}

  /**
   * @throws {TypeError} when `func` is not a function.
   * @throws {TasksConfigError} when its `onError` is a class that no module provides.
   * @throws {TaskHostError} when `func` is a decorated method whose provider cannot be told.
   */
  create(
    { timing, layer, origin }: TaskPlace,
    own: TaskConfig | undefined,
    func: AnyFunction,
    args: readonly unknown[],
  ): Task {
    if (typeof func !== 'function') {
      throw new TypeError(
        `schedule() needs a function, and got ${describeValue(func)}. Pass the function itself, then its arguments: schedule(sendMail, to), not schedule(sendMail(to)).`,
      );
    }
    const method = this.methods.find(func, origin?.contextId);
    const config =
      method === undefined && own === undefined ? layer.resolved : layer.with(method?.config ?? {}, own ?? {}).resolved;
    if (config.onError !== undefined) this.errorHandlers.check(config.onError);
    return this.register({ func, args, config, timing, host: method?.host, origin });
  }

  /** The task of one run of a durable execution. */
  createRun(run: TaskRun, config: ResolvedTaskConfig, call: TaskCall): Task {
    return this.register({ ...call, config, timing: 'immediate', origin: undefined, run });
  }

  private register(parts: Omit<TaskParts, 'engine'>): Task {
    const task = new Task({ ...parts, engine: this.runner });
    this.ledger.add(task);
    this.events.emit('scheduled', task, task.timing);
    return task;
  }
}
