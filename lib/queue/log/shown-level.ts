import { Logger } from '@nestjs/common';

/** Fields of Nest's `Logger` that it keeps for itself. */
interface NestLogger {
  readonly logLevels?: unknown;
  readonly staticInstanceRef?: { isLevelEnabled?(level: 'debug'): boolean } | undefined;
}

/**
 * Tells whether a level is shown. Texts that nobody would see are not made: they would be half of the work of a short
 * task.
 */
export function isShown(level: 'debug'): boolean {
  if (typeof Logger.isLevelEnabled !== 'function' || Logger.isLevelEnabled(level)) return true;
  // Nest 11 denies every level where none were set, and then logs them all.
  const { logLevels, staticInstanceRef } = Logger as unknown as NestLogger;
  if (logLevels !== undefined || staticInstanceRef === undefined) return false;
  return staticInstanceRef.isLevelEnabled?.(level) ?? true;
}
