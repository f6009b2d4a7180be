import { escapeControls } from '../task/log-text.js';

/** URL with a user or a password, wherever it stands in a text. */
const CREDENTIALS = /([a-z][a-z\d+.-]*:\/\/)\S*@/gi;

/** Text of the queue in one line of output: a terminal obeys no character of it. */
export function shownText(text: string): string {
  return escapeControls(text);
}

/** Text with line breaks of its own, such as a stack. Escaped otherwise. */
export function shownLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}

/** Takes user and password out of URLs: mistyped arguments are repeated in messages. */
export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, '$1…@');
}
