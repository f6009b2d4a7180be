import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { TEN_YEARS, parseDuration, type Duration } from '../../task/duration.js';
import { refuseFirstCall, type AddingCall, type AddOptions, type AnyTask } from './adding-call.js';
import { ArgumentsCalls, type ArgumentsCall } from './arguments-call.js';
import { AdditionGuard, type Refusal } from './addition-guard.js';
import { BROKER, type Broker } from '../broker/broker.js';
import { Carriers } from './carriers.js';
import { ExecutionSender, type SentExecution } from './execution-sender.js';
import { newRecord } from '../broker/new-record.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { DurableRegistry } from '../declaration/durable-registry.js';
import type { Execution } from './execution.js';
import { ExecutionHandles } from './execution-handles.js';
import { InstanceArguments } from './instance-arguments.js';
import { encodeArgs } from '../declaration/payload.js';
import { TaskArgumentError, TaskNotRegisteredError } from '../broker/queue-errors.js';
import { OutboxWriter } from './outbox-writer.js';
import { QueueLog } from '../log/queue-log.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { requireKey } from '../broker/short-text.js';
import type {
  AddedExecution,
  ExecutionExtras,
  ExecutionRecord,
  KeyedExecution,
  NewExecution,
} from '../broker/record.js';

/** Execution to add, after checks. */
export interface Addition {
  readonly execution: NewExecution & { readonly addedAt: number };
  readonly args: readonly unknown[];
}

const MAX_PRIORITY = 2_097_151;

/** Checks what is to be added, adds what is not struck, and makes the handles. */
@Injectable()
export class ExecutionWriter {
  private readonly calls: ArgumentsCalls;
  private readonly instances: InstanceArguments;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    private readonly registry: DurableRegistry,
    private readonly guard: AdditionGuard,
    private readonly executions: ExecutionHandles,
    private readonly carriers: Carriers,
    private readonly sender: ExecutionSender,
    private readonly outbox: OutboxWriter,
    private readonly log: QueueLog,
  ) {
    this.calls = new ArgumentsCalls(log);
    this.instances = new InstanceArguments(log);
  }

  /**
   * Takes the first of two calls: checks all that it was given, since the second may be missing.
   *
   * @param rest further arguments, of which there must be none.
   * @param add the second call.
   * @throws {TaskNotRegisteredError} when this process declares no such task and it is not said to be remote.
   * @throws {TaskArgumentError} when an option does not exist, or the task's arguments are among them.
   */
  expectArguments<O extends Pick<AddOptions, 'remote'>, A extends unknown[], R>(
    call: AddingCall,
    task: AnyTask,
    options: O,
    rest: readonly unknown[],
    add: (name: string, args: A) => R,
  ): ArgumentsCall<A, R> {
    const isObject = typeof options === 'object' && options !== null;
    const name = this.nameOf(task, isObject && options.remote === true);
    if (!isObject || rest.length > 0 || call.options.find(options, call.name) !== undefined) {
      refuseFirstCall(call, task, name, options, rest);
    }
    return this.calls.expect(call.name, name, add);
  }

  /**
   * @throws {TaskNotRegisteredError} when this process declares no such task, and `isAny` is not set for its name.
   */
  nameOf(task: AnyTask, isAny: boolean): string {
    if (typeof task === 'string' && task !== '' && isAny) return task;
    if (typeof task !== 'string' && typeof task !== 'function')
      throw new TaskNotRegisteredError(task, this.registry.ownNames);
    return this.registry.require(task).name;
  }

  /**
   * Describes an execution, with what carriers capture here.
   *
   * @throws {TaskArgumentError} when an option, an argument or a captured value cannot be used.
   * @throws {CarrierError} when a carrier throws.
   */
  describe(name: string, args: readonly unknown[], options: AddOptions, extras?: ExecutionExtras): Addition {
    const { when, key, priority = 0 } = options;
    if (key !== undefined) requireKey(name, key);
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      throw new TaskArgumentError(name, 'priority', priority, `a whole number from 0 to ${MAX_PRIORITY}`);
    }
    const execution: Addition['execution'] & { extras?: ExecutionExtras } = {
      key,
      name,
      args: encodeArgs(name, args, this.options.maxArgumentSize),
      priority,
      when: this.timeOf(name, when),
      addedAt: this.clock.now(),
    };
    const carried = this.carriers.capture(name);
    if (carried !== undefined) execution.extras = { ...extras, carried };
    else if (extras !== undefined) execution.extras = extras;
    this.instances.check(name, args);
    return { execution, args };
  }

  /**
   * Adds one, unless it is struck. Nearly all additions are of one: it costs no lists and no further promises.
   *
   * @throws {TaskArgumentError} when an option or an argument cannot be used.
   */
  async addOne(name: string, args: readonly unknown[], options: AddOptions): Promise<Execution> {
    const addition = this.describe(name, args, options);
    const { transaction } = options;
    if (transaction !== undefined) return onlyOne(await this.outbox.write('add', [addition.execution], transaction));
    if (!this.guard.isLoaded) await this.guard.load();
    const { execution } = addition;
    const refusal = this.refusalOf(addition);
    if (refusal?.mode === 'drop') return this.refused(execution, refusal);
    const [answer] = await this.sender.add([marked(execution, refusal)]);
    return this.added(execution, refusal, answer);
  }

  /**
   * Adds all in one step, without those that are struck.
   *
   * @param transaction of the application, in which they are written instead.
   */
  async add(additions: readonly Addition[], transaction?: unknown): Promise<Execution[]> {
    const executions = additions.map(({ execution }) => execution);
    if (transaction !== undefined) return this.outbox.write('add', executions, transaction);
    if (!this.guard.isLoaded) await this.guard.load();
    const refusals = additions.map((addition) => this.refusalOf(addition));
    const wanted = additions.flatMap(({ execution }, at) =>
      refusals[at]?.mode === 'drop' ? [] : [marked(execution, refusals[at])],
    );
    const answers = wanted.length === 0 ? [] : await this.sender.add(wanted);
    const handles: Execution[] = [];
    let next = 0;
    for (const [at, { execution }] of additions.entries()) {
      const refusal = refusals[at];
      if (refusal?.mode === 'drop') handles.push(this.refused(execution, refusal));
      else handles.push(await this.added(execution, refusal, answers[next++]));
    }
    return handles;
  }

  /** Returns the handle of the added execution, or of the one that has the key. */
  private added(
    execution: Addition['execution'],
    refusal: Refusal | undefined,
    answer: SentExecution | undefined,
  ): Execution | Promise<Execution> {
    if (answer === undefined) throw new Error('The broker has not told what became of an execution'); // a bug of ours
    const record = addedRecord(answer, execution, refusal);
    if (!answer.isNew) return this.known(answer, record);
    this.log.added(execution.name, execution.addedAt);
    if (refusal !== undefined) this.log.struck(execution.name, answer.key, refusal.reason, 'will be held');
    return this.executions.of(record, refusal === undefined ? 'scheduled' : 'struck');
  }

  private async known({ id, key }: AddedExecution, record: ExecutionRecord): Promise<Execution> {
    this.log.counts.alreadyScheduled += 1;
    const known = await this.broker.executions.get(key);
    return this.executions.of(known?.id === id ? known : record, 'already-scheduled');
  }

  async replace({ execution, args }: Addition, key: string, transaction?: unknown): Promise<Execution> {
    if (transaction !== undefined) return onlyOne(await this.outbox.write('replace', [execution], transaction));
    if (!this.guard.isLoaded) await this.guard.load();
    const keyed: KeyedExecution & Addition['execution'] = { ...execution, key };
    const refusal = this.refusalOf({ execution, args });
    if (refusal?.mode === 'drop') return this.refused(keyed, refusal);
    const sent = await this.sender.replace(marked(keyed, refusal));
    this.log.replaced(keyed.name, keyed.addedAt);
    const disposition = refusal === undefined ? 'scheduled' : 'struck';
    return this.executions.of(addedRecord(sent, keyed, refusal), disposition);
  }

  private refusalOf({ execution: { name }, args }: Addition): Refusal | undefined {
    return this.guard.refusalOf(name, args);
  }

  /** Returns the handle of an execution that was never stored, and is dropped. */
  private refused(execution: Addition['execution'], refusal: Refusal): Execution {
    const { name, key = 'no key' } = execution;
    this.log.struck(name, key, refusal.reason, 'was not added');
    const record = newRecord(execution.id ?? randomUUID(), key, execution, execution.addedAt);
    return this.executions.of({ ...record, state: 'dropped', reason: refusal.reason }, 'struck');
  }

  private timeOf(name: string, when: Date | Duration | undefined): number | undefined {
    if (when === undefined) return undefined;
    if (when instanceof Date && !Number.isNaN(when.getTime())) return when.getTime();
    try {
      return this.clock.now() + parseDuration('when', when, 0, TEN_YEARS);
    } catch {
      throw new TaskArgumentError(
        name,
        'when',
        when,
        "a Duration from now, up to ten years, such as 500, '30s' or '2d'; or a valid Date: pass a moment as new Date(…)",
      );
    }
  }
}

function onlyOne([execution]: readonly Execution[]): Execution {
  if (execution === undefined) throw new Error('The outbox has not told what became of an execution'); // a bug of ours
  return execution;
}

/** Marks an execution that a strike holds: a worker may not know of the strike yet. */
function marked<E extends NewExecution>(execution: E, refusal: Refusal | undefined): E {
  return refusal === undefined ? execution : { ...execution, extras: { ...execution.extras, isStruck: true } };
}

/** Returns the record of an added execution. Only the broker knows an older one. */
function addedRecord(
  { id, key, extras }: SentExecution,
  execution: Addition['execution'],
  refusal: Refusal | undefined,
): ExecutionRecord {
  const sent = extras === undefined ? execution : { ...execution, extras };
  const record = newRecord(id, key, sent, execution.addedAt);
  return refusal === undefined ? record : { ...record, reason: refusal.reason };
}
