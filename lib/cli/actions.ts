import { Option, type Command } from 'commander';
import { examples, withFilter, type Runs } from './definition.js';

const YES = ['-y, --yes', 'do not ask'] as const;
const TASK = ['<task>', "name of the task, or '*' for all"] as const;
const CONDITION = ['[condition...]', 'PARAMETER OPERATOR VALUE, as in customerId == 12345'] as const;

const VALUES = `
Operators: == != < <= > >= between (two values) in (any number). Quote < and > from the shell.
Values: 12345 is a text; int:5, number:1.5, bool:true, date:2026-01-01, json:[1,2].
`;

/** Defines the commands that change something. */
export function defineActions(program: Command, runs: Runs): void {
  withFilter(program.command('retry').argument('[key]', 'key of an ended execution'))
    .summary('run ended executions again')
    .description('Runs an ended execution again; or all that match, which a worker does, at its pace.')
    .option('--per-second <n>', 'executions to retry in a second, up to 10,000')
    .option('--wait', 'wait until all are retried')
    .option(...YES)
    .addHelpText(
      'after',
      examples(
        'retry order:4711',
        'retry --task partner.send --error "502" --since 3h --per-second 50',
        'retry --state failed --yes --wait',
      ),
    )
    .action(runs(async () => (await import('./commands/retry.js')).retry));

  withFilter(program.command('forget').argument('[key]', 'key of an ended execution'))
    .summary('remove ended executions')
    .description('Removes an ended execution; or all that match, which a worker does.')
    .option('--wait', 'wait until all are removed')
    .option(...YES)
    .addHelpText('after', examples('forget order:4711', 'forget --task reports.build --state failed --until 7d'))
    .action(runs(async () => (await import('./commands/retry.js')).forget));

  program
    .command('cancel')
    .argument('<key>', 'key of the execution')
    .summary('cancel one execution')
    .description('Cancels an execution. One that runs has its signal aborted, wherever it runs.')
    .option('--reason <text>', 'kept with the execution')
    .addHelpText('after', examples('cancel order:4711 --reason "order was withdrawn"'))
    .action(runs(async () => (await import('./commands/cancel.js')).cancel));

  program
    .command('clear')
    .summary('cancel all that does not run')
    .description('Cancels every execution that does not run. What runs goes on.')
    .option(...YES)
    .addHelpText('after', examples('clear', 'clear --yes'))
    .action(runs(async () => (await import('./commands/cancel.js')).clear));

  program
    .command('pause')
    .summary('start nothing in the whole fleet')
    .description('Pauses the queue: no worker starts an execution until resume. Runs go on, additions are accepted.')
    .option('--reason <text>', 'shown wherever the pause is')
    .addHelpText('after', examples('pause --reason "database migration"'))
    .action(runs(async () => (await import('./commands/pause.js')).pause));

  program
    .command('resume')
    .summary('end the pause')
    .description('Ends the pause.')
    .addHelpText('after', examples('resume'))
    .action(runs(async () => (await import('./commands/pause.js')).resume));

  program
    .command('strike')
    .argument(...TASK)
    .argument(...CONDITION)
    .summary('keep executions from running')
    .description('Keeps executions of a task from running: all of them, or those with an argument.')
    .option('--reason <text>', 'kept with the strike')
    .addOption(new Option('--mode <mode>', 'drop ends what is struck, hold parks it').choices(['drop', 'hold']))
    .option('--expires-in <duration>', 'restored by itself after it, such as 1d')
    .option(...YES)
    .addHelpText(
      'after',
      `${VALUES}${examples('strike partner.send --mode hold --reason "partner is down"', "strike '*' customerId == 12345 --expires-in 1d", "strike orders.process amount '>' int:10000", 'strike orders.process day between date:2026-01-01 date:2026-01-31')}`,
    )
    .action(runs(async () => (await import('./commands/strike.js')).strike));

  program
    .command('restore')
    .argument(...TASK)
    .argument(...CONDITION)
    .summary('take a strike back')
    .description('Takes a strike back: the one on the same task, parameter, operator and value.')
    .addHelpText('after', `${VALUES}${examples('restore partner.send', "restore '*' customerId == 12345")}`)
    .action(runs(async () => (await import('./commands/strike.js')).restore));

  program
    .command('trace')
    .argument('<message>', 'line to log')
    .summary('have a worker log a line')
    .description('Adds the built-in task tasks.trace: the worker that runs it logs the message.')
    .addHelpText('after', examples('trace "deploy 4711 done"'))
    .action(runs(async () => (await import('./commands/built-in.js')).trace));

  program
    .command('fail')
    .argument('<message>', 'message of the error')
    .summary('have a task fail')
    .description('Adds the built-in task tasks.fail: it fails with the message, to try out what tells of failures.')
    .addHelpText('after', examples('fail "testing the alert"'))
    .action(runs(async () => (await import('./commands/built-in.js')).fail));

  program
    .command('sleep')
    .argument('<ms>', 'milliseconds')
    .summary('keep a worker busy')
    .description('Adds the built-in task tasks.sleep: it ends after so many milliseconds.')
    .addHelpText('after', examples('sleep 30000'))
    .action(runs(async () => (await import('./commands/built-in.js')).sleep));
}
