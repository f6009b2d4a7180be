import { labelText, messageText } from './log-text.js';
import { describeValue, isError } from './task-errors.js';

/** Maximum depth of causes in a text; some errors are their own cause. */
const MAX_CAUSES = 8;

/** Returns the message of an error, in one line, for any thrown value. */
export function messageOf(error: unknown): string {
  try {
    if (isError(error)) return messageText(String(error.message));
    return `${typeof error === 'string' ? `'${messageText(error)}'` : describeValue(error)} was thrown`;
  } catch {
    return 'an error that cannot be described';
  }
}

/** Returns the stack of an error and of its causes. No line of it can pass for a line of the log. */
export function stackOf(error: unknown, depth = 0): string {
  try {
    if (!isError(error)) return messageOf(error);
    const own = ownStackOf(error);
    return error.cause === undefined || depth === MAX_CAUSES
      ? own
      : `${own}\nCaused by: ${stackOf(error.cause, depth + 1)}`;
  } catch {
    return messageOf(error);
  }
}

/**
 * Returns the stack with its message in one line. Other text before the frames, such as an older message, is indented.
 */
function ownStackOf({ name, message, stack }: Error): string {
  const own = String(message);
  const text = String(stack ?? `${labelText(String(name))}: ${own}`);
  const at = own === '' ? -1 : text.indexOf(own);
  const oneLine = at === -1 ? text : text.slice(0, at) + messageText(own) + text.slice(at + own.length);
  return indented(oneLine);
}

/** Indents the lines after the first as frames are. */
export function indented(stack: string): string {
  return stack.replace(/[\n\r]+(?=\S)/g, '\n    ');
}
