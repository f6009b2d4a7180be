import { InputError } from '../operations/input-error.js';
import { BrokerUnavailableError, TaskArgumentError } from '../queue/broker/queue-errors.js';
import { messageOf } from '../task/error-text.js';
import { TasksConfigError } from '../task/task-errors.js';
import { TasksUsageError } from '../task/usage-errors.js';
import type { Server } from './session.js';
import { EXIT, UsageError, type ExitCode } from './exit-code.js';

/** End of a command that could not do its work. */
export interface Failure {
  readonly code: ExitCode;
  /** Line for the operator. */
  readonly line: string;
}

/** Option of the library, and the one of the command line that sets it. */
const OPTIONS: readonly (readonly [pattern: RegExp, option: string])[] = [
  [/\bqueue\.url\b/g, '--url'],
  [/\bqueue\.name\b/g, '--name'],
  [/\bqueue\.prefix\b/g, '--prefix'],
  // The command line takes no queue in memory.
  [/'memory:\/\/', /g, ''],
];

/**
 * Tells what an error means to the operator.
 *
 * @param server is there as soon as the command talks to one.
 */
export function failureOf(error: unknown, server: Server | undefined): Failure {
  if (error instanceof BrokerUnavailableError) {
    const cause = error.cause === undefined ? error.message : messageOf(error.cause);
    const { name: place = 'the server', option = '--url' } = server ?? {};
    return {
      code: EXIT.unreachable,
      line: `Cannot reach ${place}: ${cause}. Check ${option}, and the server.`,
    };
  }
  if (server !== undefined && error instanceof TasksConfigError && error.option.startsWith('queue.'))
    return refusalOf(error, server);
  if (isUsage(error)) return { code: EXIT.usage, line: spoken(messageOf(error)) };
  if (error instanceof TasksUsageError && error.code === 'DRIVER_MISSING') {
    return { code: EXIT.unreachable, line: messageOf(error) };
  }
  return { code: EXIT.refused, line: messageOf(error) };
}

/** Settings that a server has refused. */
function refusalOf(error: TasksConfigError, server: Server): Failure {
  const message = messageOf(error);
  const { name } = server;
  if (error.option !== 'queue.migrate') {
    return { code: EXIT.unreachable, line: `${name} refuses the connection: ${spoken(message)}` };
  }
  const line =
    error.value === false
      ? `${name} has no tables for this queue, or older ones: ${detailOf(message)}. Run nestjs-tasks migrate.`
      : `${name} refuses the change: ${detailOf(message)}. Pass a --url with a role that may make and own the schema.`;
  return { code: EXIT.unreachable, line };
}

/** Returns what the server has said, which stands in brackets at the end, without its full stop. */
function detailOf(message: string): string {
  const detail = /\(([^()]*(?:\([^()]*\)[^()]*)*)\)\.?$/.exec(message)?.[1] ?? message;
  return detail.replace(/\.$/, '');
}

function isUsage(error: unknown): boolean {
  return [UsageError, InputError, TaskArgumentError, TasksConfigError].some((type) => error instanceof type);
}

function spoken(message: string): string {
  return OPTIONS.reduce((text, [pattern, option]) => text.replace(pattern, option), message);
}
