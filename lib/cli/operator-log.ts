import { TaskLog } from '../scheduler/task-log.js';
import type { LogLevel } from '../task/log-writer.js';
import { QueueLog } from '../queue/log/queue-log.js';

/** Log of a command: warnings, as plain lines beside the result. Everything else is a line of a worker's log. */
export class OperatorLog extends TaskLog {
  constructor(private readonly note: (line: string) => void) {
    super();
  }

  override write(level: LogLevel, message: string): void {
    if (level === 'warn' || level === 'error') this.note(`warning: ${message}`);
  }
}

/** Log of a queue, without the changes that a command makes or shows itself. */
export class OperatorQueueLog extends QueueLog {
  override paused(): void {}
  override resumed(): void {}
  override struckOut(): void {}
  override restoredStrike(): void {}
}
