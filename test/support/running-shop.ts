import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SAMPLES = join(import.meta.dirname, '../../sample/dist');

/** Line of the shop's log, and when it came. */
export interface ShopLine {
  readonly text: string;
  readonly at: number;
}

/** Process that `npm start` runs, the built sample 01; or that of another sample with a page. */
export class RunningShop {
  readonly lines: ShopLine[] = [];
  private readonly process: ChildProcess;
  private readonly exited: Promise<unknown[]>;
  private onLine = (): void => {};

  /** @param port a free one by default. */
  constructor(folder: string, port = '0', sample = '01-orders') {
    const main = join(SAMPLES, sample, 'main.js');
    if (!existsSync(main)) throw new Error('Build first: npm run build && npm run build:samples');
    this.process = spawn(process.execPath, [main], {
      env: { ...process.env, PORT: port, DATA_DIR: folder, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.exited = once(this.process, 'exit');
    createInterface({ input: this.process.stdout! }).on('line', (text) => {
      this.lines.push({ text, at: performance.now() });
      this.onLine();
    });
  }

  /** Resolves to the first line that matches, once it is there. */
  async line(pattern: RegExp): Promise<ShopLine> {
    for (;;) {
      const found = this.lines.find(({ text }) => pattern.test(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (this.onLine = resolve));
    }
  }

  async port(): Promise<string> {
    const { text } = await this.line(/Order a book at/);
    return /:(\d+),/.exec(text)?.[1] ?? '';
  }

  async url(): Promise<string> {
    return `http://127.0.0.1:${await this.port()}`;
  }

  /** Sends the signal, and resolves when the process has ended. */
  async stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<{ signal: unknown; at: number }> {
    this.process.kill(signal);
    const [, by] = await this.exited;
    return { signal: by, at: performance.now() };
  }
}
