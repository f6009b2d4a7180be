import { Injectable } from '@nestjs/common';
import type { ActionBodies, ActionName, ActionResult, ExecutionFilter, ExecutionTarget } from '../operations/api.js';
import { filterText } from '../operations/execution-query.js';
import type { FleetActions } from '../operations/fleet-actions.js';
import { countText } from '../queue/broker/duration-text.js';
import { targetText } from '../queue/log/log-texts.js';
import { labelText } from '../task/log-text.js';
import { bodyOf } from './action-body.js';
import { failureOf } from './answer/api-failure.js';
import { DASHBOARD_LINES } from './dashboard-lines.js';
import { DashboardFleet } from './dashboard-fleet.js';
import { DashboardLog } from './dashboard-log.js';

const { log: NOTES } = DASHBOARD_LINES;
/** Name in the log where nobody tells. */
const SOMEONE = 'someone';

/** Actions of people, each with one log line: who, what and how many. */
@Injectable()
export class DashboardActions {
  constructor(
    private readonly fleet: DashboardFleet,
    private readonly log: DashboardLog,
  ) {}

  /**
   * Does an action.
   *
   * @param by name of the user, where the application tells.
   * @throws {InputError} {@link TaskArgumentError} when the body cannot be used: nothing was done.
   */
  async act(action: ActionName, body: unknown, by: string | undefined): Promise<ActionResult> {
    const user = labelText(by ?? SOMEONE);
    const read = bodyOf(action, body);
    try {
      const done = await (ACTIONS[action] as Action<ActionName>)(this.fleet, read, user, by);
      this.log.acted(done.line);
      return done.result;
    } catch (error) {
      const { statusCode } = failureOf(error);
      // A broker that did not answer may have done it.
      if (statusCode >= 500) this.log.actionFailed(user, action, error, statusCode === 500);
      throw error;
    }
  }
}

/** Action that was done, with its line. */
interface Deed {
  readonly result: ActionResult;
  readonly line: string;
}

type Action<A extends ActionName> = (
  fleet: DashboardFleet,
  body: ActionBodies[A],
  user: string,
  by: string | undefined,
) => Promise<Deed>;

const ACTIONS: { readonly [A in ActionName]: Action<A> } = {
  cancel: ({ actions }, body, user) => onOne(actions.cancel(body), NOTES.cancelled, user, body),
  retry: ({ actions }, body, user) => onOne(actions.retry(body), NOTES.retried, user, body),
  forget: ({ actions }, body, user) => onOne(actions.forget(body), NOTES.forgotten, user, body),
  'run-now': ({ actions }, body, user) => onOne(actions.runNow(body), NOTES.ranNow, user, body),
  'retry-all': (fleet, { perSecond, ...filter }, user) => {
    const rate = perSecond === undefined ? {} : { perSecond };
    return onAll(fleet, filter, NOTES.retriedAll, user, (actions) => actions.retryAll({ ...filter, ...rate }));
  },
  'forget-all': (fleet, filter, user) =>
    onAll(fleet, filter, NOTES.forgotAll, user, (actions) => actions.forgetAll(filter)),
  clear: async ({ actions }, _body, user) => {
    const result = await actions.clear();
    return { result, line: NOTES.cleared(user, countText(result.count ?? 0, 'execution')) };
  },
  pause: async ({ actions }, body, user, by) => {
    const result = await actions.pause({ ...body, by });
    return { result, line: NOTES.paused(user) };
  },
  resume: async ({ actions }, _body, user) => {
    const result = await actions.resume();
    return { result, line: NOTES.resumed(user, result.result) };
  },
  strike: async ({ actions }, body, user, by) => {
    const result = await actions.strike({ ...body, by });
    return { result, line: NOTES.struck(user, targetText(body), body.mode ?? 'drop') };
  },
  restore: async ({ actions }, body, user) => {
    const result = await actions.restore(body);
    return { result, line: NOTES.restored(user, targetText(body), result.result) };
  },
};

async function onOne(
  doing: Promise<ActionResult>,
  line: (user: string, execution: string, result: string) => string,
  user: string,
  { key }: ExecutionTarget,
): Promise<Deed> {
  const result = await doing;
  return { result, line: line(user, labelText(key), result.result) };
}

/** Counts first: by its end, the work may have begun. */
async function onAll(
  { views, actions }: DashboardFleet,
  filter: ExecutionFilter,
  line: (user: string, count: string, filter: string, execution: string) => string,
  user: string,
  act: (actions: FleetActions) => Promise<ActionResult>,
): Promise<Deed> {
  const { count } = await views.count(filter);
  const result = await act(actions);
  const text = line(user, countText(count, 'execution'), labelText(filterText(filter)), result.execution?.key ?? '');
  return { result: { ...result, count }, line: text };
}
