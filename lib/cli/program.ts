import { Command, CommanderError } from 'commander';
import { VERSION } from '../package/build.js';
import { defineActions } from './actions.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { defineLooks } from './looks.js';
import type { Runs } from './definition.js';
import { Session, type GlobalOptions } from './session.js';
import { withoutCredentials } from './shown-text.js';
import type { Terminal } from './terminal.js';

const ENVIRONMENT = `
Environment:
  TASKS_URL    Address of the queue, instead of --url.
  NO_COLOR     No colours. FORCE_COLOR: colours in a pipe, too.

Exit codes:
  0    Done.
  1    Not found, refused, answered no, or behind.
  2    The broker cannot be reached, or lets nobody in.
  64   Wrong use.
  130  Ended by Ctrl-C.
`;

/** Runs the command that the arguments name. Never throws. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  let session: Session | undefined;
  const runs: Runs =
    (load) =>
    async (...given) => {
      const options = (given.at(-1) as Command).optsWithGlobals<GlobalOptions>();
      session = new Session(terminal, options);
      const act = await load();
      code = await act(session, options as never, ...(given.slice(0, -2) as never));
    };
  try {
    await programOf(runs, terminal).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return codeOf(error);
    // The errors of the library come with its core, which help and wrong use do without.
    const { failureOf } = await import('./failure.js');
    const failure = failureOf(error, session?.server);
    terminal.note(`${terminal.paintNote('red', 'error:')} ${failure.line}`);
    return failure.code;
  }
}

function programOf(runs: Runs, terminal: Terminal): Command {
  const program = new Command('nestjs-tasks')
    .description('Looks at the durable tasks of a fleet, and acts on them. It runs none itself.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('--url <url>', 'address of the queue: redis://…, rediss://…, postgres://… (default: TASKS_URL)')
    .option('--name <name>', 'name of the queue, as in queue: { name } (default: "tasks")')
    .option('--prefix <prefix>', 'prefix of the keys, or schema, as in queue: { prefix } (default: "nestjs_tasks")')
    .option('--json', 'print JSON')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', ENVIRONMENT)
    .showHelpAfterError('Run nestjs-tasks help to see how.')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.output.write(text),
      writeErr: (text) => terminal.note(withoutCredentials(text.trimEnd())),
    });
  program.commandsGroup('Look:');
  defineLooks(program, runs);
  program.commandsGroup('Act:');
  defineActions(program, runs);
  return program;
}

function codeOf({ exitCode }: CommanderError): ExitCode {
  return exitCode === 0 ? EXIT.done : EXIT.usage;
}
