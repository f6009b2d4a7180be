import { Logger } from '@nestjs/common';
import { messageOf } from './error-text.js';
import { messageText, stackText } from './log-text.js';

export type LogLevel = 'debug' | 'log' | 'warn' | 'error';

/**
 * Writes every line of the library: a message in one line of at most 2 kB, and a stack of at most 8 kB, both without
 * characters that steer a terminal. A logger that throws must not take a task's error handler, its siblings or the
 * process with it.
 */
export class LogWriter {
  private readonly logger: Logger;

  constructor(context = 'Tasks') {
    this.logger = new Logger(context);
  }

  /** @param stack goes on where the message ends. Beside an error it is an argument of its own: loggers look for it there. */
  write(level: LogLevel, message: string, stack?: string): void {
    const line = messageText(message);
    const lines = stack === undefined ? undefined : stackText(stack);
    try {
      if (lines === undefined) this.logger[level](line);
      else if (level === 'error') this.logger.error(line, lines);
      else this.logger[level](`${line} ${lines}`);
    } catch (loggerError) {
      // The last place left that cannot throw.
      process.stderr.write(`${line}\n(The application's logger failed: ${messageOf(loggerError)})\n`);
    }
  }
}
