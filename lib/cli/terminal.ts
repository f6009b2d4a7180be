import { createInterface } from 'node:readline/promises';
import { hasColours, painter, type Paint } from './paint.js';
import { shownLines, withoutCredentials } from './shown-text.js';
import { tableLines, type Column } from './table.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Moves to the first column of the first line, and erases all below. */
const CLEAR = '\u001b[H\u001b[J';

/** Streams of the process: results go to the output, everything else to the errors. */
export class Terminal {
  readonly paint: Paint;
  readonly paintNote: Paint;
  private isCursorHidden = false;

  constructor(
    private readonly input: NodeJS.ReadStream = process.stdin,
    readonly output: NodeJS.WriteStream = process.stdout,
    private readonly errors: NodeJS.WriteStream = process.stderr,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.paint = painter(hasColours(output, env));
    this.paintNote = painter(hasColours(errors, env));
  }

  /** False in a pipe and in a file. */
  get isTerminal(): boolean {
    return this.output.isTTY === true;
  }

  /** Tells whether somebody is there to answer. */
  get canAsk(): boolean {
    return this.input.isTTY === true && this.errors.isTTY === true;
  }

  /** Writes a line of the result. The caller has escaped what comes from the queue. */
  line(text = ''): void {
    this.output.write(`${text}\n`);
  }

  /** Writes a line beside the result. */
  note(text: string): void {
    this.errors.write(`${withoutCredentials(text)}\n`);
  }

  json(value: unknown): void {
    this.line(shownLines(JSON.stringify(value, undefined, 2)));
  }

  /** Writes a value in one line, for programs that read line by line. */
  jsonLine(value: unknown): void {
    this.line(shownLines(JSON.stringify(value)));
  }

  table<R>(columns: readonly Column<R>[], rows: readonly R[]): void {
    const width = this.isTerminal ? this.output.columns : undefined;
    for (const line of tableLines(columns, rows, { width, paint: this.paint })) this.line(line);
  }

  /** Asks a question that is answered with yes or no. No answer is a no. */
  async asks(question: string): Promise<boolean> {
    const lines = createInterface({ input: this.input, output: this.errors });
    try {
      const closed = new Promise<string>((resolve) => void lines.once('close', () => resolve('')));
      const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
      return /^y(?:es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  }

  /** Begins a picture that is drawn again and again. */
  clear(): void {
    if (!this.isTerminal) return;
    this.hideCursor();
    this.output.write(CLEAR);
  }

  showCursor(): void {
    if (this.isCursorHidden) this.output.write(SHOW_CURSOR);
    this.isCursorHidden = false;
  }

  /** Resolves when all that was written has left the process. */
  async flush(): Promise<void> {
    await Promise.all(
      [this.output, this.errors].map(
        (stream) => new Promise<void>((resolve) => void stream.write('', () => resolve())),
      ),
    );
  }

  private hideCursor(): void {
    if (!this.isCursorHidden) this.output.write(HIDE_CURSOR);
    this.isCursorHidden = true;
  }
}
