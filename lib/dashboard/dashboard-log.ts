import { Injectable } from '@nestjs/common';
import { messageOf, stackOf } from '../task/error-text.js';
import { labelText } from '../task/log-text.js';
import { LogWriter } from '../task/log-writer.js';
import { describeType } from '../task/task-errors.js';
import { DASHBOARD_LINES } from './dashboard-lines.js';

const { error: ERRORS, warn: WARNINGS } = DASHBOARD_LINES;

/** Writes the log lines of the dashboard. */
@Injectable()
export class DashboardLog {
  private readonly writer = new LogWriter();

  /** Writes the line of an action that was done. */
  acted(line: string): void {
    this.writer.write('log', line);
  }

  /** @param isUnknown the error is none of the broker, and its stack is needed. */
  actionFailed(user: string, action: string, error: unknown, isUnknown: boolean): void {
    this.writer.write(
      'warn',
      WARNINGS.actionFailed(user, action, messageOf(error)),
      isUnknown ? stackOf(error) : undefined,
    );
  }

  /** Reports an error that is neither the client's nor the broker's. */
  viewFailed(view: string, error: unknown): void {
    this.writer.write('error', ERRORS.viewFailed(view, messageOf(error)), stackOf(error));
  }

  badAccess(provider: string, value: unknown): void {
    this.writer.write('warn', WARNINGS.badAccess(labelText(provider), describeType(value)));
  }
}
