import type { ActionResult } from '../../operations/api.js';
import { shownText } from '../shown-text.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { Session } from '../session.js';

/**
 * Writes the answer of an action: to the output when something was done, and beside it otherwise.
 *
 * @param text sentence for people, with texts of users in it.
 */
export function answer(session: Session, result: ActionResult, text: string, code: ExitCode = EXIT.done): ExitCode {
  if (session.isJson) session.terminal.json(result);
  else if (code === EXIT.done) session.terminal.line(shownText(text));
  else session.terminal.note(shownText(text));
  return code;
}
