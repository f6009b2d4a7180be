import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What the library logs, in Nest's format. */
const TASKS_LINE = /\[Tasks\] (.*)$/;
const READY_LINE = /\[Shop\] Ready(?: at (\S+))?$/;

/** A process of the application, as those see it who run it: what it logs, and the signals that it gets. */
export class AppProcess {
  /** Where it listens, if it does. */
  url = '';
  /** Resolves to the exit code, or the signal that it died of. */
  readonly ended: Promise<number | string>;
  private readonly lines: string[] = [];
  private readonly ready: Promise<void>;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    private readonly onTasksLine: (line: string) => void,
  ) {
    this.ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
    this.ready = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream !== null) createInterface(stream).on('line', (line) => this.hear(line, resolve));
      }
    });
  }

  /**
   * @param main the module to run, `api` or `worker`.
   * @throws {Error} with what it has printed, when it ends before it is ready.
   */
  static async start(
    name: string,
    main: string,
    environment: Readonly<Record<string, string>>,
    onTasksLine: (line: string) => void,
  ): Promise<AppProcess> {
    const path = fileURLToPath(new URL(`../${main}.js`, import.meta.url));
    const child = spawn(process.execPath, [path], {
      env: { ...process.env, ...environment, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for the demo, which ends them in order
    });
    const app = new AppProcess(name, child, onTasksLine);
    const end = await Promise.race([app.ready, app.ended]);
    if (end !== undefined) throw new Error(`${name} has ended with ${end}:\n${app.lines.join('\n')}`);
    return app;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends the signal, and waits until the process has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }

  private hear(line: string, onReady: () => void): void {
    this.lines.push(line);
    const [, text] = TASKS_LINE.exec(line) ?? [];
    if (text !== undefined) this.onTasksLine(text);
    const ready = READY_LINE.exec(line);
    if (ready === null) return;
    this.url = ready[1] ?? '';
    onReady();
  }
}
