import { type Command, Option } from 'commander';
import { examples, withFilter, type Runs } from './definition.js';

/** Defines the commands that change nothing. */
export function defineLooks(program: Command, runs: Runs): void {
  program
    .command('snapshot')
    .summary('what has not ended')
    .description('Prints the executions that have not ended, by their next start, with counts and workers.')
    .option('--limit <n>', 'executions to list', '50')
    .option('--watch', 'go on, and draw again')
    .option('--interval <duration>', 'time between two looks', '2s')
    .addHelpText(
      'after',
      examples('snapshot', 'snapshot --watch --interval 5s', 'snapshot --watch --json | jq .stats.total.waiting'),
    )
    .action(runs(async () => (await import('./commands/snapshot.js')).snapshot));

  program
    .command('stats')
    .summary('depth and oldest wait by task')
    .description('Prints how many executions each task has in each state, and how long the oldest waits.')
    .addHelpText('after', examples('stats', "stats --json | jq '.total.oldestWait // 0'"))
    .action(runs(async () => (await import('./commands/stats.js')).stats));

  withFilter(program.command('history'))
    .summary('what has ended')
    .description('Prints ended executions, the last to have ended first.')
    .option('--limit <n>', 'executions to list, up to 200', '50')
    .option('--cursor <cursor>', 'goes on where the last page has ended')
    .addHelpText(
      'after',
      examples('history', 'history --state failed --since 1h', 'history --task orders.process --json'),
    )
    .action(runs(async () => (await import('./commands/history.js')).history));

  program
    .command('failures')
    .summary('failures by task and error')
    .description('Prints failed executions in groups of task and error, the most frequent first.')
    .option('--since <time>', 'failed since: 3h for three hours ago, or an ISO time')
    .addHelpText('after', examples('failures', 'failures --since 1d'))
    .action(runs(async () => (await import('./commands/failures.js')).failures));

  program
    .command('explain')
    .argument('<key>', 'key of the execution')
    .summary('everything about one execution')
    .description(
      'Prints the state of an execution, what has happened to it, its error with its causes, and its log lines.',
    )
    .addHelpText('after', examples('explain order:4711'))
    .action(runs(async () => (await import('./commands/explain.js')).explain));

  program
    .command('watch')
    .argument('<key>', 'key of the execution')
    .summary('progress of one execution')
    .description('Follows an execution to its end. Exits with 0 when it completes, and with 1 when it ends otherwise.')
    .addHelpText('after', examples('watch report:2026', 'watch report:2026 --json | jq .progress'))
    .action(runs(async () => (await import('./commands/watch.js')).watch));

  program
    .command('strikes')
    .summary('strikes in force')
    .description('Prints the strikes in force: on what, by whom, and why.')
    .addHelpText('after', examples('strikes'))
    .action(runs(async () => (await import('./commands/strikes.js')).strikes));

  program
    .command('limits')
    .summary('holders and waiters of limits')
    .description('Prints the pools of @ConcurrencyLimit() that have holders or waiters.')
    .option('--show-values', 'print the values that executions share, which are arguments')
    .addHelpText('after', examples('limits', 'limits --show-values'))
    .action(runs(async () => (await import('./commands/limits.js')).limits));

  program
    .command('workers')
    .summary('workers of the fleet')
    .description('Prints the workers that are ready to claim, or busy.')
    .addHelpText('after', examples('workers', "workers --json | jq 'map(.running) | add'"))
    .action(runs(async () => (await import('./commands/workers.js')).workers));

  program
    .command('migrate')
    .summary('tables on PostgreSQL, and of the outbox')
    .description(
      'Makes and updates the tables of the queue on PostgreSQL, and those of the outbox. Redis needs nothing.',
    )
    .addOption(new Option('--status', 'print what is missing, and exit with 1 where something is').conflicts('sql'))
    .option('--sql', 'print the statements instead of running them')
    .option('--outbox-url <url>', 'database of the outbox: postgres://…, mysql://… or sqlite:file.db')
    .option('--no-outbox', 'leave out the tables of the outbox in the database of the queue')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        'migrate',
        'migrate --status',
        'migrate --sql > queue.sql',
        'migrate --outbox-url mysql://app@db/shop --yes',
      ),
    )
    .action(runs(async () => (await import('./commands/migrate.js')).migrate));
}
