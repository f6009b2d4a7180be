import type { ActionResult } from '../../operations/api.js';
import { EXIT, UsageError, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { answer } from './result.js';

export const trace = (session: Session, _options: object, message: string) => add(session, 'tasks.trace', message);
export const fail = (session: Session, _options: object, message: string) => add(session, 'tasks.fail', message);

export async function sleep(session: Session, _options: object, text: string): Promise<ExitCode> {
  const ms = Number(text);
  if (!/^\d+$/.test(text) || ms >= 2 ** 31) {
    throw new UsageError(`The time to sleep is '${text}'. Pass a whole number of milliseconds, up to 2147483647.`);
  }
  return add(session, 'tasks.sleep', ms);
}

function add(session: Session, task: string, argument: string | number): Promise<ExitCode> {
  return session.inQueue(async ({ queue }) => {
    const { key, id, disposition = 'scheduled' } = await queue.addRemote(task, [argument]);
    const result: ActionResult = { result: disposition, execution: { key, id } };
    return disposition === 'struck'
      ? answer(session, result, `A strike keeps ${task} from running`, EXIT.refused)
      : answer(session, result, `Added ${task} as ${key}`);
  });
}
