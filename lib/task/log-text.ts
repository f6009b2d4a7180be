/**
 * Characters that end a line, control a terminal, or change the direction of text: C0, C1, the line and paragraph
 * separators, and the bidirectional controls.
 */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** Control characters except line feeds and tabs. */
const CONTROLS_IN_LINES = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Size of a message, in bytes of UTF-8 without the mark of the cut. */
const LONGEST_MESSAGE = 2_000;
const LONGEST_STACK = 8_000;
/** Size of a line that is kept with an execution. */
const LONGEST_KEPT = 1_000;
/** Size of a name, key or reason in a message, so that the rest of the message stays. */
const LONGEST_LABEL = 200;

/** Escapes control characters: user input in names, keys and arguments could forge a log line by a line break. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** Text of a message, in one line: escaped, and cut at 2 kB. */
export function messageText(text: string): string {
  return escapeControls(cut(text, LONGEST_MESSAGE, escapeControls));
}

/** Text of a stack: keeps line breaks, is escaped otherwise, and cut at 8 kB. */
export function stackText(text: string): string {
  return escapeLines(cut(text, LONGEST_STACK, escapeLines));
}

/** Name, key, reason or value inside a message: escaped, and cut at 200 bytes. */
export function labelText(text: string): string {
  return escapeControls(cut(text, LONGEST_LABEL, escapeControls));
}

/** Text of a line that is kept with an execution: in one line, escaped, and cut at 1 kB. */
export function keptText(text: string): string {
  return escapeControls(cut(text, LONGEST_KEPT, escapeControls));
}

function escapeLines(text: string): string {
  return text.replace(CONTROLS_IN_LINES, escaped);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Cuts the text where its escaped form reaches the limit, and adds the number of missing characters. */
function cut(text: string, limit: number, escape: (text: string) => string): string {
  if (text.length <= limit && Buffer.byteLength(escape(text)) <= limit) return text;
  let left = limit;
  let end = 0;
  for (const char of text) {
    left -= Buffer.byteLength(escape(char));
    if (left < 0) break;
    end += char.length;
  }
  return `${text.slice(0, end)}… (${text.length - end} characters more)`;
}
