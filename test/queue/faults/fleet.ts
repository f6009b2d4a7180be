import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformFile } from '@swc/core';
import type { QueueCounts, TaskQueueOptions, TasksShutdownOptions } from 'nestjs-tasks';
import type { Step } from './fault-tasks.js';
import type { TaskSet } from './task-sets.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = join(HERE, '..', '..', '..');
/** The library as it was built: by `npm run build`, or elsewhere. */
const DIST = process.env['TASKS_TEST_DIST'] ?? join(ROOT, 'dist');
const SOURCES = [
  'worker-process',
  'idle-process',
  'fault-tasks',
  'task-sets',
  'run-journal',
  '../outbox/crash-process',
  '../outbox/crash-tasks',
  '../../support/outbox-databases',
  '../../dashboard/page/whole-process',
];

export interface WorkerSettings {
  readonly journal: string;
  readonly queue: TaskQueueOptions;
  readonly shutdown?: TasksShutdownOptions;
  /** What it knows beside `FaultTasks`. */
  readonly tasks?: readonly TaskSet[];
  /** Which call to the broker the process does not survive, and how many milliseconds it does. */
  readonly death?: {
    readonly at: 'renewing' | 'renewed' | 'before settling' | 'settling' | 'settled';
    readonly delay?: number;
  };
}

interface Calls {
  add(key: string, ...steps: Step[]): string | undefined;
  counts(): QueueCounts;
}

export interface Call {
  readonly id: number;
  readonly call: keyof Calls;
  readonly args: readonly unknown[];
}

/** The first, with the id 0, tells that the process is ready. */
export interface Answer {
  readonly id: number;
  readonly value: unknown;
}

/** A folder of programs in which `nestjs-tasks` is the built library. */
export class Programs implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-faults-'));

  private constructor() {}

  /** @param options `without`: packages that are not installed there. */
  static async build({ without = [] }: { without?: readonly string[] } = {}): Promise<Programs> {
    if (!existsSync(join(DIST, 'index.js'))) throw new Error(`${DIST} is empty: npm run build comes first`);
    const programs = new Programs();
    const { folder } = programs;
    copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
    mkdirSync(join(folder, 'node_modules'));
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (without.includes(name)) continue;
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    }
    for (const name of without) programs.checkMissing(name);
    // A copy: from behind a link, all that is installed in the repository would be found.
    cpSync(DIST, join(folder, 'dist'), { recursive: true });
    for (const name of SOURCES) {
      const { code } = await transformFile(join(HERE, `${name}.ts`), { sourceMaps: false });
      mkdirSync(dirname(programs.pathOf(name)), { recursive: true });
      writeFileSync(programs.pathOf(name), code);
    }
    return programs;
  }

  start(settings: WorkerSettings): WorkerProcess {
    return new WorkerProcess(this.pathOf('worker-process'), settings);
  }

  pathOf(name: string): string {
    return join(this.sources, `${name}.js`);
  }

  /** Returns what the program has printed. */
  async run(name: string, args: string[], { execArgv, env }: { execArgv: string[]; env: NodeJS.ProcessEnv }) {
    const { NODE_OPTIONS: _, ...ownEnv } = env;
    const options = { env: ownEnv, timeout: 20_000 };
    const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, this.pathOf(name), ...args], options);
    return stdout;
  }

  private checkMissing(name: string): void {
    const folders = createRequire(join(this.folder, 'index.js')).resolve.paths(name) ?? [];
    const found = folders.find((folder) => existsSync(join(folder, name)));
    if (found !== undefined) {
      throw new Error(
        `${name} is not to be found from ${this.folder}, but is in ${found}: set TMPDIR to another folder`,
      );
    }
  }

  /** As far from lib/ as the sources are. */
  private get sources(): string {
    return join(this.folder, 'test', 'queue', 'faults');
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class WorkerProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  diedAt: number | undefined;

  private readonly child: ChildProcess;
  private readonly answers = new Map<number, (value: unknown) => void>();
  private readonly isReady: Promise<unknown>;

  constructor(program: string, settings: WorkerSettings) {
    this.child = fork(program, [JSON.stringify(settings)], { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.exited = once(this.child, 'exit') as typeof this.exited;
    void this.exited.then(() => (this.diedAt ??= Date.now()));
    for (const input of [this.child.stdout, this.child.stderr]) {
      if (input !== null) createInterface({ input }).on('line', (line) => this.lines.push(line));
    }
    this.isReady = new Promise((resolve) => this.answers.set(0, resolve));
    this.child.on('message', ({ id, value }: Answer) => this.answers.get(id)?.(value));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ready(): Promise<this> {
    const exited = this.exited.then(([code, signal]) => {
      throw new Error(`The worker has ended with ${code ?? signal}:\n${this.lines.join('\n')}`);
    });
    await Promise.race([this.isReady, exited]);
    return this;
  }

  call<C extends keyof Calls>(call: C, ...args: Parameters<Calls[C]>): Promise<ReturnType<Calls[C]>> {
    const id = this.answers.size;
    return new Promise((resolve) => {
      this.answers.set(id, resolve as (value: unknown) => void);
      this.child.send({ id, call, args } satisfies Call);
    });
  }

  /** Returns when that was. */
  signal(signal: NodeJS.Signals): number {
    const now = Date.now();
    if (signal === 'SIGKILL') this.diedAt = now;
    this.child.kill(signal);
    return now;
  }

  matching(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited;
  }
}
