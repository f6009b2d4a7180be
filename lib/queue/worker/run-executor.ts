import type { AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';
import { Injectable } from '@nestjs/common';
import { TaskFactory } from '../../scheduler/task-factory.js';
import { TaskRunner } from '../../scheduler/task-runner.js';
import { TaskTracer } from '../../scheduler/task-tracer.js';
import { createScope, inEmptyContext } from '../../task/task-activity.js';
import type { TaskCall } from '../../task/task-parts.js';
import type { ResolvedTaskConfig } from '../../task/task.js';
import { RecordUnreadableError } from '../broker/queue-errors.js';
import type { DurableTask } from '../declaration/durable-registry.js';
import { storeError } from '../declaration/stored-error.js';
import { QueueLog } from '../log/queue-log.js';
import { Carriers } from '../client/carriers.js';
import { Rules } from '../rules/rules.js';
import type { ExecutionRun } from './execution-run.js';
import { RunPreparation } from './run-preparation.js';
import { RELEASE, type Ending } from './run-settler.js';
import { UnknownTasks } from './unknown-tasks.js';
import type { ExecutionExtras } from '../broker/record.js';
import type { Settlement } from '../broker/settlement.js';

const NONE: ExecutionExtras = {};

/** Runs a claimed execution as a task of this process, unless a rule or a flaw is against it. */
@Injectable()
export class RunExecutor {
  constructor(
    private readonly preparation: RunPreparation,
    private readonly unknownTasks: UnknownTasks,
    private readonly rules: Rules,
    private readonly factory: TaskFactory,
    private readonly runner: TaskRunner,
    private readonly carriers: Carriers,
    private readonly tracer: TaskTracer,
    private readonly log: QueueLog,
  ) {}

  /**
   * Calls the function of a claimed execution, as the task of its run.
   *
   * @returns how it is to be settled instead; nothing when it runs, or its lease is lost. A promise only where there is
   * something to wait for: each one costs a twentieth of a run.
   */
  start(run: ExecutionRun): Ending | Promise<Ending> {
    const { claim, key } = run;
    if (claim.cancellation !== undefined) return { type: 'cancel', reason: claim.cancellation };
    if (claim.record.flaw !== undefined) return this.refuse(key, claim.record.flaw);
    const durable = this.preparation.taskOf(run);
    if (durable === undefined) return this.unknownTasks.settlementOf(run);
    let args: readonly unknown[];
    try {
      args = this.preparation.argsOf(run, durable);
    } catch (error) {
      return this.fail(run, durable, error);
    }
    const stopped = this.rules.beforeRun(run, durable, args);
    if (stopped === undefined) return this.enter(run, durable, args);
    if (!types.isPromise(stopped)) return unlessOvertaken(run, stopped);
    return stopped.then((settlement) => {
      run.expire();
      return settlement === undefined ? this.enter(run, durable, args) : unlessOvertaken(run, settlement);
    });
  }

  /** Fails an unreadable record, so that it blocks nothing. */
  private refuse(key: string, flaw: string): Settlement {
    const error = new RecordUnreadableError(key, flaw);
    this.log.unreadable(`execution ${key} (${flaw})`);
    return { type: 'fail', error: storeError(error) };
  }

  /** Runs an execution that no rule stops, in the context that it carries. */
  private enter(run: ExecutionRun, durable: DurableTask, args: readonly unknown[]): Ending | Promise<Ending> {
    const { extras } = run.claim.record;
    if (extras === undefined || !hasContext(extras)) return this.callOnHost(run, durable, args);
    let scope: AsyncResource;
    try {
      scope = this.scopeOf(extras, durable);
    } catch (error) {
      return this.fail(run, durable, error);
    }
    return scope.runInAsyncScope(() => this.callOnHost(run, durable, args));
  }

  /** Creates the async context that carriers restore. They call nothing of the task, so that their errors end none. */
  private scopeOf({ carried, trace }: ExecutionExtras, { config }: DurableTask): AsyncResource {
    let scope: AsyncResource | undefined;
    const create = (): void => void (scope = createScope(undefined));
    const carry = carried === undefined ? create : (): void => this.carriers.restore(carried, create);
    const isTraced = trace !== undefined && this.tracer.isActive;
    const restore = isTraced ? (): void => this.tracer.resume(trace, carry) : carry;
    if (config.asyncContext === 'none') inEmptyContext(restore);
    else restore();
    return scope!; // what restores nothing has thrown
  }

  /** Calls the function of a run as soon as there is an instance to call it on. */
  private callOnHost(run: ExecutionRun, durable: DurableTask, args: readonly unknown[]): Ending | Promise<Ending> {
    let host: object;
    try {
      host = this.preparation.hostOf(run, durable);
    } catch (error) {
      return this.fail(run, durable, error);
    }
    if (!types.isPromise(host)) return this.callOn(host, run, durable, args);
    return (host as Promise<object>).then(
      (instance) => {
        run.expire();
        return this.callOn(instance, run, durable, args);
      },
      (error: unknown) => this.fail(run, durable, error),
    );
  }

  private callOn(host: object, run: ExecutionRun, durable: DurableTask, args: readonly unknown[]): Ending {
    return this.call(run, durable, { func: durable.func, args, host: () => host });
  }

  /** Fails a run for an error before its function can be called, like for any other. */
  private fail(run: ExecutionRun, durable: DurableTask, error: unknown): Ending {
    return this.call(run, durable, { func: failWith(error), args: [], host: undefined });
  }

  private call(run: ExecutionRun, durable: DurableTask, call: TaskCall): Ending {
    if (run.isUnwanted || run.isOvertaken) return unlessOvertaken(run, RELEASE);
    const task = this.factory.createRun(run, configOf(run, durable), call);
    run.runAs(task);
    this.log.started(durable.call, call.args, run);
    this.runner.submit(task);
    return undefined;
  }
}

function hasContext({ carried, trace }: ExecutionExtras): boolean {
  return carried !== undefined || trace !== undefined;
}

/** Returns the options of a run: the context that it carries is its own, and not to be left. */
function configOf({ claim }: ExecutionRun, { config }: DurableTask): ResolvedTaskConfig {
  if (config.asyncContext === undefined || !hasContext(claim.record.extras ?? NONE)) return config;
  const { asyncContext: _asyncContext, ...inheriting } = config;
  return inheriting;
}

/** Returns the ending of a run, unless its lease was lost or its cancellation asked for meanwhile. */
function unlessOvertaken(run: ExecutionRun, settlement: Settlement): Ending {
  if (!run.isOvertaken) return settlement;
  return run.cancellation === undefined || run.isLost ? undefined : { type: 'cancel', reason: run.cancellation };
}

function failWith(error: unknown): () => never {
  return () => {
    throw error;
  };
}
