import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { shownCount } from '../shown-values.js';
import { answer } from './result.js';

export function cancel(session: Session, { reason }: { readonly reason?: string }, key: string): Promise<ExitCode> {
  return session.inQueue(async ({ actions }) => {
    const done = await actions.cancel({ key, ...(reason !== undefined && { reason }) });
    switch (done.result) {
      case 'cancelled':
        return answer(session, done, `Cancelled ${key}`);
      case 'signalled':
        return answer(session, done, `${key} runs, and was asked to stop`);
      default:
        return answer(session, done, `No execution ${key} is left to run`, EXIT.refused);
    }
  });
}

export function clear(session: Session, options: { readonly yes?: boolean }): Promise<ExitCode> {
  return session.inQueue(async ({ actions, views }) => {
    const { scheduled, waiting, parked, retrying } = (await views.stats()).total;
    const count = scheduled + waiting + parked + retrying;
    const question = `Cancel ${shownCount(count, 'execution')} that do${count === 1 ? 'es' : ''} not run?`;
    if (count > 0 && !(await session.isConfirmed(question, options))) return EXIT.refused;
    const done = await actions.clear();
    return answer(session, done, `Cancelled ${shownCount(done.count ?? 0, 'execution')}`);
  });
}
