import type { Type } from '@nestjs/common';
import type { HandlerTasks } from '../request/handler-tasks.js';
import { OperationPart, type OperationTasks } from '../request/operation-tasks.js';
import { RequestRegistry } from '../request/request-registry.js';
import type { TaskLedger } from '../scheduler/task-ledger.js';
import type { TaskLog } from '../scheduler/task-log.js';
import type { Task } from '../task/task.js';
import type { TaskRecord } from './task-record.js';
import { comesWithin } from './turn.js';
import { listUnfinished } from './unfinished.js';

/** Holds each reply until the tasks of its request have ended, those for after the response included. */
export class InlineReplies {
  readonly #settled = new WeakMap<OperationTasks, OperationPart[]>();

  constructor(
    private readonly ledger: TaskLedger,
    private readonly record: TaskRecord,
    private readonly log: TaskLog,
    /** In milliseconds of real time. */
    private readonly patience: number,
  ) {}

  /** The handler has settled. @returns what its reply waits for. */
  hold(handler: HandlerTasks): Promise<void> | undefined {
    const handlers = this.#answeredWith(handler);
    for (const each of handlers) each.endResponse();
    return this.#tasksOf(handlers).length === 0 ? undefined : this.#untilEnded(handlers);
  }

  /** Those whose reply goes out now: of a GraphQL operation all at once, when its last resolver has settled. */
  #answeredWith(handler: HandlerTasks): HandlerTasks[] {
    if (!(handler instanceof OperationPart)) return [handler];
    const { operation } = handler;
    const parts = [...(this.#settled.get(operation) ?? []), handler];
    this.#settled.set(operation, parts);
    return operation.isOver ? parts : [];
  }

  /** Never rejects: the request is not to fail for it. */
  async #untilEnded(handlers: readonly HandlerTasks[]): Promise<void> {
    const ended = async (): Promise<void> => {
      for (let left = this.#tasksOf(handlers); left.length > 0; left = this.#tasksOf(handlers)) {
        await this.ledger.gone(left);
      }
    };
    if (await comesWithin(this.patience, ended())) return;
    const title = `After ${this.patience} ms the response waits no longer for:`;
    this.log.write('error', listUnfinished(title, this.#tasksOf(handlers), this.record));
  }

  #tasksOf(handlers: readonly HandlerTasks[]): Task[] {
    return [...this.ledger].filter(({ origin }) => handlers.some((handler) => handler === origin));
  }
}

/** What replaces RequestRegistry. */
export function requestsWith(replies: () => InlineReplies): Type<RequestRegistry> {
  return class extends RequestRegistry {
    override beforeReply(handler: HandlerTasks): Promise<void> | undefined {
      return replies().hold(handler);
    }
  };
}
