import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { answer } from './result.js';

export function pause(session: Session, { reason }: { readonly reason?: string }): Promise<ExitCode> {
  return session.inQueue(async ({ actions, by }) => {
    const done = await actions.pause({ ...(reason !== undefined && { reason }), by });
    return answer(session, done, 'Paused: no worker starts an execution until nestjs-tasks resume');
  });
}

export function resume(session: Session): Promise<ExitCode> {
  return session.inQueue(async ({ actions }) => {
    const done = await actions.resume();
    return done.result === 'resumed'
      ? answer(session, done, 'Resumed')
      : answer(session, done, 'The queue is not paused', EXIT.refused);
  });
}
