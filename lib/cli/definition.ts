import type { Command } from 'commander';
import type { ExitCode } from './exit-code.js';
import type { Session } from './session.js';

/** Code of a command, which is loaded when it is called. */
export type LoadCommand<O, A extends unknown[]> = () => Promise<
  (session: Session, options: O, ...args: A) => Promise<ExitCode>
>;

/** Makes the action of a command. */
export type Runs = <O extends object, A extends unknown[]>(
  load: LoadCommand<O, A>,
) => (...given: unknown[]) => Promise<void>;

/** Examples below the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ nestjs-tasks ${line}\n`).join('')}`;
}

/** Adds the options that choose ended executions. */
export function withFilter(command: Command): Command {
  return command
    .option('--task <name>', 'of this task')
    .option('--state <states>', 'completed, failed, cancelled, dropped, or several with commas between')
    .option('--error <text>', 'with this text in the name or message of the error')
    .option('--kind <text>', 'of this kind of error, as failures prints it')
    .option('--key-prefix <text>', 'whose key begins so')
    .option('--since <time>', 'ended since: 3h for three hours ago, or an ISO time')
    .option('--until <time>', 'ended until then');
}
