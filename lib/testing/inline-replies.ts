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

/** Holds each reply until the tasks of its request have ended, after-response tasks included. */
export class InlineReplies {
  constructor(
    private readonly openTasks: OpenTasks,
    private readonly record: TaskRecord,
    private readonly log: TaskLog,
    /** Limit in milliseconds of real time. */
    private readonly patience: number,
  ) {}

  /**
   * Holds the reply of a route that has ended.
   *
   * @returns the promise that its reply waits for; of a GraphQL operation at the end of its last resolver.
   */
  hold({ exchange }: RouteRun): Promise<void> | undefined {
    if (!exchange.isOver) return undefined;
    exchange.end();
    return this.#tasksOf(exchange).length === 0 ? undefined : this.#untilEnded(exchange);
  }

  /** Waits for the tasks. Never rejects: the request must not fail for it. */
  async #untilEnded(exchange: RoutedExchange): Promise<void> {
    const ended = async (): Promise<void> => {
      for (let left = this.#tasksOf(exchange); left.length > 0; left = this.#tasksOf(exchange)) {
        await this.openTasks.gone(left);
      }
    };
    if (await comesWithin(this.patience, ended())) return;
    const heading = `Response stopped waiting after ${this.patience} ms for:`;
    const [title = '', ...lines] = listUnfinished(heading, this.#tasksOf(exchange), this.record).split('\n');
    this.log.write('error', title, lines.join('\n'));
  }

  #tasksOf(exchange: RoutedExchange): Task[] {
    return [...this.openTasks].filter(({ origin }) => origin instanceof BatchOwner && origin.exchange === exchange);
  }
}

/** Creates the class that replaces RequestRegistry. */
export function requestsWith(replies: () => InlineReplies): Type<RequestRegistry> {
  return class extends RequestRegistry {
    override beforeReply(run: RouteRun): Promise<void> | undefined {
      return replies().hold(run);
    }
  };
}
