import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');

export interface CliRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface CliOptions {
  /** Set in the environment, which has nothing of the command line's otherwise. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts the built program. Its streams are pipes. */
export function startCli(args: readonly string[], { env, cwd }: CliOptions = {}): ChildProcess {
  if (!existsSync(MAIN)) throw new Error('Build first: npm run build');
  return track(spawn(process.execPath, [MAIN, ...args], { env: environment(env), cwd, stdio: 'pipe' }));
}

/** Runs the built program to its end, with pipes for streams and no input. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const child = startCli(args, options);
  child.stdin!.end();
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
  return { stdout, stderr, code: code as number };
}

export const hasScript = spawnSync('script', ['--version']).status === 0;

/** Program on a pseudo-terminal, whose output is both streams as a person sees them. */
export class CliOnTerminal {
  output = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown[]>;
  private onOutput = (): void => {};

  constructor(args: readonly string[], { env, columns = 80 }: CliOptions & { readonly columns?: number } = {}) {
    const command = [process.execPath, MAIN, ...args].map(quoted).join(' ');
    const sized = `stty cols ${columns} rows 40; exec ${command}`;
    this.child = track(
      spawn('script', ['-qec', sized, '/dev/null'], {
        env: { ...environment(env), SHELL: '/bin/sh', TERM: 'xterm' },
        stdio: 'pipe',
      }),
    );
    this.child.stdout!.setEncoding('utf8').on('data', (data: string) => {
      this.output += data;
      this.onOutput();
    });
    this.exited = once(this.child, 'exit');
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** Resolves when the output matches. */
  async shows(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) await new Promise<void>((resolve) => (this.onOutput = resolve));
  }

  /** Exit code of the program, at its end. */
  async code(): Promise<number> {
    const [code] = await this.exited;
    return code as number;
  }
}

function environment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, ...env };
}

function track(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
