import { Logger } from '@nestjs/common';
import { messageOf } from './error-text.js';
import { messageText, stackText } from './log-text.js';

export type LogLevel = 'debug' | 'log' | 'warn' | 'error';

/**
 * Writes every line of the library: a message in one line of at most 2 kB, and a stack of at most 8 kB. Control
 * characters are escaped. A logger that throws must not stop a task's error handler, other tasks or the process.
 */
export class LogWriter {
  private readonly logger: Logger;

  constructor(context = 'Tasks') {
    this.logger = new Logger(context);
  }

  /**
   * Writes a line. @param stack continues the message. Beside an error it is an argument of its own: loggers look for
   * it there.
   */
  write(level: LogLevel, message: string, stack?: string): void {
    const line = messageText(message);
    const lines = stack === undefined ? undefined : stackText(stack);
    try {
      if (lines === undefined) this.logger[level](line);
      else if (level === 'error') this.logger.error(line, lines);
      else this.logger[level](`${line} ${lines}`);
    } catch (loggerError) {
      // The last resort, which cannot throw.
      process.stderr.write(`${line}\n(The application's logger failed: ${messageOf(loggerError)})\n`);
    }
  }
}
