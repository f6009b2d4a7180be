import { Inject, Injectable } from '@nestjs/common';
import { parseDuration, type Duration } from '../task/duration.js';
import { describeStrike, type Strike } from './behaviours/strike.js';
import { Strikes } from './behaviours/strikes.js';
import {
  BROKER,
  type Broker,
  type ExecutionExtras,
  type ExecutionRecord,
  type ExecutionState,
  type KeyedExecution,
  type NewExecution,
} from './brokers/broker.js';
import { CLOCK, type Clock } from './clock.js';
import { DurableRegistry } from './durable-registry.js';
import type { Execution } from './execution.js';
import { Executions } from './executions.js';
import { encodeArgs } from './payload.js';
import { TaskArgumentError, TaskNotRegisteredError } from './queue-errors.js';
import { QueueLog } from './queue-log.js';

/**
 * When and as what a task is added.
 *
 * @publicApi
 */
export interface AddOptions {
  /** Not before: a Date, or a Duration from now. Default: at once. */
  when?: Date | Duration | undefined;
  /** Any string that is not empty. While an execution with it has not ended, `add()` changes nothing. Default: unique. */
  key?: string | undefined;
  /** From 0, which comes first, to 2,097,151; first in first out within one. Default 0. */
  priority?: number | undefined;
  /** The task is declared in other processes only. Default `false`. */
  remote?: boolean | undefined;
}

/** A decorated method, or the name of a task. */
export type AnyTask = string | ((...args: never[]) => unknown);

/** What is to be added, after checks. */
export interface Addition {
  readonly execution: NewExecution & { readonly addedAt: number };
  readonly args: readonly unknown[];
}

const MAX_PRIORITY = 2_097_151;
/** The longest Duration: a number beyond it can only be a time, such as `Date.now() + 500`. */
const MAX_DURATION = 2 ** 31 - 1;

/** Checks what is to be added, adds what is not struck, and makes the handles. */
@Injectable()
export class ExecutionAdder {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly registry: DurableRegistry,
    private readonly strikes: Strikes,
    private readonly executions: Executions,
    private readonly log: QueueLog,
  ) {}

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
   * @throws {TaskArgumentError} when an option or an argument cannot be used.
   */
  describe(name: string, args: readonly unknown[], options: AddOptions, extras?: ExecutionExtras): Addition {
    const { when, key, priority = 0 } = options;
    if (key !== undefined) requireKey(name, key);
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      throw new TaskArgumentError(name, 'priority', priority, `a whole number from 0 to ${MAX_PRIORITY}`);
    }
    const execution = {
      key,
      name,
      args: encodeArgs(name, args),
      priority,
      when: this.timeOf(name, when),
      addedAt: this.clock.now(),
      ...(extras !== undefined && { extras }),
    };
    return { execution, args };
  }

  /** In one step for all, but for those that are struck: these are not added. */
  async add(additions: readonly Addition[]): Promise<Execution[]> {
    if (!this.strikes.isLoaded) await this.strikes.load();
    const strikes = additions.map((addition) => this.strikeOn(addition));
    const wanted = additions.filter((_, at) => strikes[at]?.mode !== 'drop').map(({ execution }) => execution);
    const added = wanted.length === 0 ? [] : await this.broker.add(wanted);
    const answers = added.values();
    const handles: Execution[] = [];
    for (const [at, { execution }] of additions.entries()) {
      const strike = strikes[at];
      if (strike?.mode === 'drop') {
        handles.push(this.refused(execution, strike));
        continue;
      }
      const answer = answers.next().value;
      if (answer === undefined) throw new Error('The broker has not told what became of an execution'); // a bug of ours
      this.log.counts[answer.isNew ? 'added' : 'alreadyScheduled'] += 1;
      if (strike !== undefined && answer.isNew) this.log.struck(execution.name, answer.key, strike, 'will be held');
      const disposition = !answer.isNew ? 'already-scheduled' : strike === undefined ? 'scheduled' : 'struck';
      const record = this.addedRecord(answer.key, execution, strike);
      const known = answer.isNew ? record : await this.broker.get(answer.key);
      handles.push(this.executions.of(known ?? record, disposition));
    }
    return handles;
  }

  async replace({ execution, args }: Addition, key: string): Promise<Execution> {
    if (!this.strikes.isLoaded) await this.strikes.load();
    const keyed: KeyedExecution & Addition['execution'] = { ...execution, key };
    const strike = this.strikeOn({ execution, args });
    if (strike?.mode === 'drop') return this.refused(keyed, strike);
    await this.broker.replace(keyed);
    this.log.counts.replaced += 1;
    const disposition = strike === undefined ? 'scheduled' : 'struck';
    return this.executions.of(this.addedRecord(key, keyed, strike), disposition, true);
  }

  private strikeOn({ execution: { name }, args }: Addition): Strike | undefined {
    return this.strikes.find({ task: name, args, parameters: this.registry.find(name)?.parameters });
  }

  /** One that was never there, and has ended. */
  private refused(execution: Addition['execution'], strike: Strike): Execution {
    const { name, key = 'no key' } = execution;
    this.log.struck(name, key, strike, 'was not added');
    const reason = describeStrike(strike);
    return this.executions.of({ ...this.recordOf(key, execution, 'dropped'), reason }, 'struck');
  }

  /** What was just added is known; of what was there before only the broker knows. */
  private addedRecord(key: string, execution: Addition['execution'], strike: Strike | undefined): ExecutionRecord {
    const { when, addedAt } = execution;
    const record = this.recordOf(key, execution, when !== undefined && when > addedAt ? 'scheduled' : 'queued');
    return strike === undefined ? record : { ...record, reason: describeStrike(strike) };
  }

  private recordOf(key: string, execution: Addition['execution'], state: ExecutionState): ExecutionRecord {
    const { name, args, priority, addedAt, extras } = execution;
    const when = execution.when ?? addedAt;
    const record = { key, name, args, priority, when, since: when, state, addedAt, run: 1, attempt: 1, starts: 0 };
    return { ...record, ...(extras !== undefined && { extras }) };
  }

  private timeOf(name: string, when: Date | Duration | undefined): number | undefined {
    if (when === undefined) return undefined;
    const time = when instanceof Date ? when.getTime() : when;
    if (typeof time === 'number' && Number.isFinite(time) && (when instanceof Date || time > MAX_DURATION)) return time;
    try {
      return this.clock.now() + parseDuration('when', time);
    } catch {
      throw new TaskArgumentError(
        name,
        'when',
        when,
        "a valid Date, or a Duration from now such as 500, '30s' or '2d'",
      );
    }
  }
}

/**
 * @throws {TaskArgumentError}
 */
export function requireKey(where: string, key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  throw new TaskArgumentError(where, 'key', key, 'a string that is not empty');
}
