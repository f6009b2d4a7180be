import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Task, TaskErrorHandler } from 'nestjs-tasks';
import { Alerts } from './alerts.service.js';
import { UserStore } from './user-store.service.js';

/** Milliseconds before the second try; twice as many before each further one. */
export const RETRY_DELAY = Symbol('RETRY_DELAY');

const TRIES = 3;

/** Tries a mail again, and raises an alert when it cannot be sent. */
@Injectable()
export class RetryMail implements TaskErrorHandler {
  constructor(
    @Inject(RETRY_DELAY) private readonly firstDelay: number,
    private readonly alerts: Alerts,
    private readonly users: UserStore,
  ) {}

  async onTaskError(task: Task<void, [userId: string]>): Promise<void> {
    if (await this.retry(task)) return;
    const [userId] = task.args;
    await this.users.markMailFailed(userId);
    this.alerts.raise(`${task.name} was not sent in ${task.attempt} tries`);
  }

  /** A plain loop: retry() counts the attempt and does not call onError again. */
  private async retry(task: Task): Promise<boolean> {
    for (let delay = this.firstDelay; task.attempt < TRIES; delay *= 2) {
      // Ends the wait when the task is cancelled.
      await setTimeout(delay, undefined, { signal: task.signal });
      try {
        await task.retry();
        return true;
      } catch {
        // The library has logged it.
      }
    }
    return false;
  }
}
