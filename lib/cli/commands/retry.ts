import type { ActionResult, ExecutionFilter } from '../../operations/api.js';
import { filterText } from '../../operations/execution-query.js';
import { EXIT, UsageError, type ExitCode } from '../exit-code.js';
import type { OpenQueue } from '../open-queue.js';
import type { Session } from '../session.js';
import { shownText } from '../shown-text.js';
import { shownCount } from '../shown-values.js';
import { filterOf, hasCondition, type FilterOptions } from './filter-options.js';
import { follow } from './follow.js';
import { answer } from './result.js';

interface BulkCommandOptions extends FilterOptions {
  readonly wait?: boolean;
  readonly yes?: boolean;
}

interface RetryOptions extends BulkCommandOptions {
  readonly perSecond?: string;
}

/** Words of the two commands that act on ended executions. */
interface Words {
  readonly command: string;
  readonly question: string;
  readonly ongoing: string;
}

const RETRY: Words = { command: 'retry', question: 'Retry', ongoing: 'Retrying' };
const FORGET: Words = { command: 'forget', question: 'Forget', ongoing: 'Forgetting' };

export async function retry(session: Session, options: RetryOptions, key: string | undefined): Promise<ExitCode> {
  const { perSecond } = options;
  const pace = perSecond === undefined ? {} : { perSecond: paceOf(perSecond) };
  if (perSecond !== undefined && key !== undefined) throw bothForms(RETRY);
  return onEnded(session, RETRY, options, key, {
    one: async ({ actions }, target) => {
      const done = await actions.retry({ key: target });
      switch (done.result) {
        case 'retried':
          return answer(session, done, `Retried ${target}`);
        case 'already-scheduled':
          return answer(session, done, `${target} has not ended: there is nothing to retry`, EXIT.refused);
        default:
          return answer(session, done, `No ended execution ${target} is known`, EXIT.refused);
      }
    },
    all: ({ actions }, filter) => actions.retryAll({ ...filter, ...pace }),
  });
}

export async function forget(
  session: Session,
  options: BulkCommandOptions,
  key: string | undefined,
): Promise<ExitCode> {
  return onEnded(session, FORGET, options, key, {
    one: async ({ actions }, target) => {
      const done = await actions.forget({ key: target });
      return done.result === 'forgotten'
        ? answer(session, done, `Forgot ${target}`)
        : answer(session, done, `No ended execution ${target} is known`, EXIT.refused);
    },
    all: ({ actions }, filter) => actions.forgetAll(filter),
  });
}

interface Acts {
  one(open: OpenQueue, key: string): Promise<ExitCode>;
  all(open: OpenQueue, filter: ExecutionFilter): Promise<ActionResult>;
}

function onEnded(
  session: Session,
  words: Words,
  options: BulkCommandOptions,
  key: string | undefined,
  { one, all }: Acts,
): Promise<ExitCode> {
  const isFiltered = hasCondition(options);
  if (key !== undefined && (isFiltered || options.wait === true)) throw bothForms(words);
  if (key !== undefined) return session.inQueue((open) => one(open, key));
  if (!isFiltered) {
    throw new UsageError(
      `Nothing is named. Pass the key of an ended execution, or a filter: nestjs-tasks ${words.command} --state failed.`,
    );
  }
  const filter = filterOf(options);
  return session.inQueue(async (open) => {
    const { count } = await open.views.count(filter);
    if (count === 0)
      return answer(session, { result: 'none', count }, `No ended execution matches ${filterText(filter)}`);
    const ended = shownCount(count, 'ended execution');
    if (!(await session.isConfirmed(`${words.question} ${ended}?`, options))) return EXIT.refused;
    const done = await all(open, filter);
    const bulk = done.execution?.key ?? '';
    if (options.wait !== true) {
      const remark =
        (await open.views.workers()).length === 0 ? ' No worker is there yet: it begins with the first.' : '';
      return answer(
        session,
        { ...done, count },
        `${words.ongoing} ${ended}. To follow it: nestjs-tasks watch ${bulk}.${remark}`,
      );
    }
    session.terminal.note(shownText(`${words.ongoing} ${ended}, as ${bulk}`));
    return follow(session, open, bulk);
  });
}

function bothForms({ command }: Words): UsageError {
  return new UsageError(`${command} takes a key, or a filter with its options, and not both.`);
}

function paceOf(text: string): number {
  const pace = Number(text);
  if (pace > 0 && pace <= 10_000) return pace;
  throw new UsageError(`--per-second is '${text}'. Pass a number above 0, up to 10000.`);
}
