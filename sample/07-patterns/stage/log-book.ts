import { ConsoleLogger, type LogLevel } from '@nestjs/common';

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  /** What stands beside the message: with Nest's JSON logger, fields of the line. */
  readonly fields: unknown;
}

/** Nest's logger, whose lines are kept rather than printed. */
export class LogBook extends ConsoleLogger {
  readonly lines: Line[] = [];

  /** Those that contain `text`. */
  with(text: string): Line[] {
    return this.lines.filter(({ message }) => message.includes(text));
  }

  /** Of errors. The line has told of it. */
  protected override printStackTrace(): void {}

  protected override printMessages(
    messages: unknown[],
    _context?: string,
    level: LogLevel = 'log',
    ...[, , fields]: unknown[]
  ): void {
    for (const message of messages) this.lines.push({ level, message: String(message), fields });
  }
}
