import type { ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';
import { follow } from './follow.js';

export function watch(session: Session, _options: object, key: string): Promise<ExitCode> {
  return session.inQueue((open) => follow(session, open, key));
}
