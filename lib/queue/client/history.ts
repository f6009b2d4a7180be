import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import type { EndedFilter, Retried } from '../broker/ended.js';
import { kindOf } from '../broker/failure-group.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import { requireKey } from '../broker/short-text.js';
import { isEnded } from '../broker/record.js';
import { QueueLog } from '../log/queue-log.js';
import type { AnyTask } from './adding-call.js';
import { checkCallOptions } from './call-options.js';
import { FORGET_ALL, RETRY_ALL } from '../declaration/built-in-tasks.js';
import type { BulkOutcome } from './bulk-tasks.js';
import { cursorText, filterOf, pageOf, requireCondition, type EndedQuery, type HistoryQuery } from './ended-query.js';
import { Execution } from './execution.js';
import { ExecutionHandles } from './execution-handles.js';
import { momentOf } from './moment.js';
import { ExecutionWriter } from './execution-writer.js';
import { KnownOptions } from '../../task/known-options.js';
import type { Duration } from '../../task/duration.js';

/**
 * Answer of `queue.history()`.
 *
 * @publicApi
 */
export interface HistoryPage {
  /** Newest first. */
  readonly executions: readonly Execution[];
  /** For the next call; absent where no more follow. */
  readonly cursor?: string;
}

/**
 * Failed executions of one task with one kind of error.
 *
 * @publicApi
 */
export interface FailureGroup {
  readonly task: string;
  /** Name of the errors, and their message without numbers, quoted values, ids and addresses. */
  readonly error: { readonly name: string; readonly message: string };
  readonly count: number;
  readonly first: Date;
  readonly last: Date;
  /** Key of the last of them. */
  readonly example: string;
}

/**
 * Options of `queue.retryAll()`.
 *
 * @publicApi
 */
export interface BulkOptions {
  /** Number of executions in a second, up to 10,000. Default: as fast as it goes. */
  readonly perSecond?: number | undefined;
}

const MAX_PACE = 10_000;
const BULK = new KnownOptions<BulkOptions>({ perSecond: true }, { rate: 'perSecond' });
const FAILURES = new KnownOptions<{ since?: Date | Duration | undefined }>({ since: true }, { from: 'since' });

/** Finds executions that have ended, and lets them run again. */
@Injectable()
export class History {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly writer: ExecutionWriter,
    private readonly handles: ExecutionHandles,
    private readonly log: QueueLog,
  ) {}

  async page(query: HistoryQuery): Promise<HistoryPage> {
    const filter = this.filterOf('history()', query);
    const { records, cursor } = await this.broker.ended.page(filter, pageOf(query));
    const executions = records.map((record) => this.handles.of(record));
    return { executions, ...(cursor !== undefined && { cursor: cursorText(cursor) }) };
  }

  async failures(options: { since?: Date | Duration | undefined }): Promise<FailureGroup[]> {
    checkCallOptions(FAILURES, options, 'failures()');
    const { since } = options;
    const from = since === undefined ? 0 : momentOf('failures()', 'since', since, this.clock.now());
    const groups = (await this.broker.ended.failures(from)).map(
      ({ count, first, last, example: { name, key, error } }): FailureGroup => ({
        task: name,
        error: kindOf(error ?? { name: 'Error', message: '' }),
        count,
        first: new Date(first),
        last: new Date(last),
        example: key,
      }),
    );
    return groups.toSorted((a, b) => b.count - a.count || b.last.getTime() - a.last.getTime());
  }

  async retry(target: string | Execution): Promise<Retried> {
    const found = await this.find('retry()', target);
    if (found === undefined) return 'not-found';
    const retried = found.isLive ? 'already-scheduled' : await this.broker.ended.retry(found.id);
    if (retried === 'retried') this.log.retriedByHand(found.name, found.key);
    return retried;
  }

  async forget(target: string | Execution): Promise<boolean> {
    const found = await this.find('forget()', target);
    if (found === undefined || found.isLive || !(await this.broker.ended.forget(found.id))) return false;
    this.log.forgotten(found.name, found.key);
    return true;
  }

  async retryAll(query: EndedQuery, options: BulkOptions): Promise<Execution<BulkOutcome>> {
    checkCallOptions(BULK, options, 'retryAll()');
    const { perSecond = null } = options;
    const isPace = typeof perSecond === 'number' && perSecond > 0 && perSecond <= MAX_PACE;
    if (perSecond !== null && !isPace) {
      throw new TaskArgumentError('retryAll()', 'perSecond', perSecond, `a number above 0, up to ${MAX_PACE}`);
    }
    return this.addBulk(RETRY_ALL, 'retryAll()', query, [perSecond]);
  }

  forgetAll(query: EndedQuery): Promise<Execution<BulkOutcome>> {
    return this.addBulk(FORGET_ALL, 'forgetAll()', query, []);
  }

  private async addBulk(
    task: string,
    call: string,
    query: EndedQuery,
    rest: readonly unknown[],
  ): Promise<Execution<BulkOutcome>> {
    const filter = this.filterOf(call, query);
    requireCondition(call, filter);
    return (await this.writer.addOne(task, [filter, ...rest], {})) as Execution<BulkOutcome>;
  }

  /** @throws {TaskArgumentError} */
  private filterOf(call: string, query: EndedQuery): EndedFilter {
    return filterOf(call, query, this.clock.now(), (task: AnyTask) => this.writer.nameOf(task, true));
  }

  private async find(
    call: string,
    target: unknown,
  ): Promise<{ id: string; key: string; name: string; isLive: boolean } | undefined> {
    if (target instanceof Execution) {
      // What it has become since is the broker's to say.
      const { id, key, name } = target;
      return { id, key, name, isLive: false };
    }
    if (typeof target !== 'string') throw new TaskArgumentError(call, 'target', target, 'a key, or an Execution');
    const record = await this.broker.executions.get(requireKey(call, target));
    return record && { id: record.id, key: record.key, name: record.name, isLive: !isEnded(record.state) };
  }
}
