import { Injectable } from '@nestjs/common';
import { messageOf } from '../../task/error-text.js';
import { TaskLog } from '../../scheduler/task-log.js';
import { durationText } from '../broker/duration-text.js';
import type { ClaimedRow } from '../broker/outbox/relay-table.js';
import { label } from './log-texts.js';
import { LINES } from './log-lines.js';
import { QueueLog } from './queue-log.js';
import { RecentLines } from './recent-lines.js';

const { error: ERRORS, warn: WARNINGS, log: NOTES } = LINES;

/** Writes the log lines of the outbox. */
@Injectable()
export class OutboxLog {
  private isDisrupted = false;
  private readonly recent = new RecentLines();

  constructor(
    private readonly log: TaskLog,
    private readonly queueLog: QueueLog,
  ) {}

  /** Reports a row that stays in the outbox, once a minute. @param delay until it is tried again, in milliseconds. */
  notRelayed({ id, entry }: ClaimedRow, error: string, delay: number): void {
    this.queueLog.counts.notRelayed += 1;
    if (this.recent.isRepeated(id)) return;
    const execution =
      entry === undefined ? `with the id ${id}` : label(entry.execution.name, entry.execution.key ?? id);
    this.log.write('error', ERRORS.notRelayed(execution, durationText(delay), error));
  }

  /** Reports a row whose key another execution has. @param holder id of that one. */
  alreadyScheduled({ id, entry }: ClaimedRow, holder: string): void {
    const { name, key = id } = entry?.execution ?? { name: 'unknown task' };
    this.log.write('log', NOTES.relayedToTaken(label(name, key), holder));
  }

  leaseLost(): void {
    this.log.write('warn', WARNINGS.relayLeaseLost());
  }

  /** Reports an outage once. */
  unreachable(error: unknown): void {
    if (this.isDisrupted) return;
    this.isDisrupted = true;
    this.log.write('warn', WARNINGS.outboxUnreachable(messageOf(error)));
  }

  reachable(): void {
    if (!this.isDisrupted) return;
    this.isDisrupted = false;
    this.log.write('log', NOTES.outboxReachable());
  }
}
