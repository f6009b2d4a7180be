import type { LoggerService } from '@nestjs/common';

/** Keeps every line that is logged, one string each. */
export class LogLines implements LoggerService {
  readonly lines: string[] = [];
  readonly log = this.writer('log');
  readonly error = this.writer('error');
  readonly warn = this.writer('warn');
  readonly debug = this.writer('debug');
  readonly verbose = this.writer('verbose');

  /** The lines that contain `text`. */
  matching(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }

  private writer(level: string) {
    return (...parts: unknown[]): void => {
      const texts = parts.map((part) => (typeof part === 'object' ? JSON.stringify(part) : String(part)));
      this.lines.push([level, ...texts].join(' '));
    };
  }
}
