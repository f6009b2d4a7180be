import { parseDuration, type Duration } from '../../task/duration.js';
import { KnownOptions } from '../../task/known-options.js';
import type { TaskFunction } from '../../task/task-parts.js';
import type { ArgumentsCall } from './arguments-call.js';
import { checkCallOptions } from './call-options.js';
import type { Clock } from '../broker/clock.js';
import type { AddingCall, AnyTask } from './adding-call.js';
import type { Addition, ExecutionWriter } from './execution-writer.js';
import type { Execution } from './execution.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import type { TaskName } from '../declaration/task-name.js';

/**
 * Over which time an agenda is spread.
 *
 * @publicApi
 */
export interface ScatterOptions {
  /** Time from the first to the last. More than 0. */
  over: Duration;
  /** Time of the first. Default: now. */
  start?: Date | undefined;
  /** Largest random shift of each, in both directions, and not before `start`. Default: none. */
  jitter?: Duration | undefined;
  /** Open transaction to write all of them in: as in `queue.add()`. Default: none. */
  transaction?: object | 'current' | undefined;
}

/**
 * Options of an entry of an agenda.
 *
 * @publicApi
 */
export interface AgendaEntryOptions {
  /**
   * Key of the entry. Scattering the same agenda again changes nothing for entries whose key has not ended. Default:
   * unique.
   */
  key?: string | undefined;
  /** Priority from 0, which comes first. Default 0. */
  priority?: number | undefined;
  /** Allows a task that only other processes declare. Default `false`. */
  remote?: boolean | undefined;
}

const ADD: AddingCall = {
  name: 'agenda.add',
  options: new KnownOptions<AgendaEntryOptions>(
    { key: true, priority: true, remote: true },
    {
      transaction: 'agenda.scatter({ transaction })',
      when: 'agenda.scatter({ over, start })',
      delay: 'agenda.scatter({ over, start })',
      id: 'key',
      jobId: 'key',
    },
  ),
};

const SCATTER = new KnownOptions<ScatterOptions>(
  { over: true, start: true, jitter: true, transaction: true },
  { tx: 'transaction', for: 'over', duration: 'over', when: 'start', from: 'start' },
);

/**
 * Executions to be spread evenly over a time, so that they do not all begin at once. Can be scattered again.
 *
 * @example
 * ```ts
 * const agenda = this.queue.agenda();
 * for (const { id } of customers) agenda.add(this.reports.build, { key: `report:${id}` })(id);
 * await agenda.scatter({ over: '1h', jitter: '10s' });
 * ```
 * @publicApi
 */
export class Agenda {
  readonly #entries: Addition[] = [];

  /** @internal */
  constructor(
    private readonly adder: ExecutionWriter,
    private readonly clock: Clock,
  ) {}

  /** Number of entries. */
  get size(): number {
    return this.#entries.length;
  }

  /**
   * Takes note of an execution. Nothing is added to the queue before `scatter()`.
   *
   * @throws {TaskNotRegisteredError} when this process declares no such task and `remote` is not set. At once.
   * @throws {TaskArgumentError} when an option or an argument cannot be used.
   */
  add<A extends unknown[], R>(task: TaskFunction<A, R>, options?: AgendaEntryOptions): ArgumentsCall<A, this>;
  add<A extends unknown[], R>(task: TaskName<TaskFunction<A, R>>, options?: AgendaEntryOptions): ArgumentsCall<A, this>;
  add(task: string, options?: AgendaEntryOptions): ArgumentsCall<unknown[], this>;
  add(task: AnyTask, options: AgendaEntryOptions = {}, ...rest: unknown[]): ArgumentsCall<unknown[], this> {
    return this.adder.expectArguments(ADD, task, options, rest, (name, args) => {
      // Checked now, rather than when half of the agenda has been added; in the context that its carriers capture.
      this.#entries.push(this.adder.describe(name, args, options));
      return this;
    });
  }

  /** Forgets all entries. */
  clear(): void {
    this.#entries.length = 0;
  }

  /**
   * Adds all entries to the queue, in their order: the first at `start`, the last at the end of `over`, one alone in its
   * middle.
   *
   * @returns their executions, in the same order.
   * @throws {TaskArgumentError} when an option cannot be used.
   * @throws {BrokerUnavailableError} when the broker cannot be reached.
   */
  async scatter(options: ScatterOptions): Promise<Execution[]> {
    checkCallOptions(SCATTER, options, 'agenda.scatter()');
    const { over, start, jitter = 0, transaction } = options;
    const length = readDuration('over', over, 1);
    const spread = readDuration('jitter', jitter, 0);
    if (start !== undefined && (!(start instanceof Date) || Number.isNaN(start.getTime()))) {
      throw new TaskArgumentError('agenda.scatter()', 'start', start, 'a valid Date');
    }
    const from = start?.getTime() ?? this.clock.now();
    const step = this.#entries.length === 1 ? length / 2 : length / (this.#entries.length - 1);
    const first = this.#entries.length === 1 ? from + step : from;
    return this.adder.add(
      this.#entries.map(({ execution, args }, at) => {
        const chance = (Math.random() * 2 - 1) * spread;
        const when = Math.round(Math.max(from, first + at * step + chance));
        return { execution: { ...execution, when, addedAt: this.clock.now() }, args };
      }),
      transaction,
    );
  }
}

function readDuration(argument: string, value: Duration, least: number): number {
  try {
    return parseDuration(argument, value, least);
  } catch {
    throw new TaskArgumentError('agenda.scatter()', argument, value, `a Duration from ${least} ms, such as '1h'`);
  }
}
