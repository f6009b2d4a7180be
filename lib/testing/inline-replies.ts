import type { Type } from '@nestjs/common';
import { BatchOwner } from '../request/batch-owner.js';
import { RequestRegistry } from '../request/request-registry.js';
import type { RoutedExchange, RouteRun } from '../request/route-run.js';
import type { OpenTasks } from '../scheduler/open-tasks.js';
import type { TaskLog } from '../scheduler/task-log.js';
import type { Task } from '../task/task.js';
import type { TaskRecord } from './task-record.js';
import { comesWithin } from './turn.js';
import { listUnfinished } from './unfinished.js';

/** Holds each reply until the tasks of its request have ended, those for after the response included. */
export class InlineReplies {
  constructor(
    private readonly openTasks: OpenTasks,
    private readonly record: TaskRecord,
    private readonly log: TaskLog,
    /** In milliseconds of real time. */
    private readonly patience: number,
  ) {}

  /**
   * A route has ended.
   *
   * @returns what its reply waits for; of a GraphQL operation when its last resolver has ended.
   */
  hold({ exchange }: RouteRun): Promise<void> | undefined {
    if (!exchange.isOver) return undefined;
    exchange.end();
    return this.#tasksOf(exchange).length === 0 ? undefined : this.#untilEnded(exchange);
  }

  /** Never rejects: the request is not to fail for it. */
  async #untilEnded(exchange: RoutedExchange): Promise<void> {
    const ended = async (): Promise<void> => {
      for (let left = this.#tasksOf(exchange); left.length > 0; left = this.#tasksOf(exchange)) {
        await this.openTasks.gone(left);
      }
    };
    if (await comesWithin(this.patience, ended())) return;
    const heading = `After ${this.patience} ms the response waits no longer for:`;
    const [title = '', ...lines] = listUnfinished(heading, this.#tasksOf(exchange), this.record).split('\n');
    this.log.write('error', title, lines.join('\n'));
  }

  #tasksOf(exchange: RoutedExchange): Task[] {
    return [...this.openTasks].filter(({ origin }) => origin instanceof BatchOwner && origin.exchange === exchange);
  }
}

/** What replaces RequestRegistry. */
export function requestsWith(replies: () => InlineReplies): Type<RequestRegistry> {
  return class extends RequestRegistry {
    override beforeReply(run: RouteRun): Promise<void> | undefined {
      return replies().hold(run);
    }
  };
}
