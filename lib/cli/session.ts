import type { ResolvedQueueOptions } from '../queue/broker/queue-settings.js';
import { EXIT, UsageError, type ExitCode } from './exit-code.js';
import type { OpenQueue } from './open-queue.js';
import { serverName } from './server-name.js';
import type { Terminal } from './terminal.js';

/** Options of every command. */
export interface GlobalOptions {
  readonly url?: string;
  readonly name?: string;
  readonly prefix?: string;
  readonly json?: boolean;
}

/** Server of a command, and the option that names it. */
export interface Server {
  /** Name with host and port. */
  readonly name: string;
  readonly option: string;
}

export const URL_OPTION = '--url or TASKS_URL';

const URLS = 'redis://localhost:6379, rediss://… or postgres://…';

/** Run of one command: its queue, its output, and the signal that ends it. */
export class Session {
  /** Server that the command talks to, as soon as it does. */
  server: Server | undefined;
  private readonly abort = new AbortController();
  private signalCode: ExitCode = EXIT.interrupted;

  constructor(
    readonly terminal: Terminal,
    private readonly globals: GlobalOptions,
    private readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  get isJson(): boolean {
    return this.globals.json === true;
  }

  /** Address of the queue. @throws {UsageError} where there is none, or none that another process can reach. */
  get url(): string {
    const url = this.globals.url ?? this.env['TASKS_URL'];
    if (url === undefined || url === '') {
      throw new UsageError(`No queue is named. Pass --url, or set TASKS_URL: ${URLS}.`);
    }
    if (/^memory:/i.test(url)) {
      throw new UsageError(`memory:// is in the process of the application alone. Pass --url of a server: ${URLS}.`);
    }
    return url;
  }

  /** Checked options of the queue. @throws {UsageError} {@link TasksConfigError} */
  async options({ migrate = false } = {}): Promise<ResolvedQueueOptions> {
    const { url } = this;
    const { name, prefix } = this.globals;
    const { resolveQueueOptions } = await import('../queue/queue-options.js');
    const options = resolveQueueOptions({ url, name, prefix, worker: false, migrate });
    this.server = { name: serverName(url), option: URL_OPTION };
    return options;
  }

  /** Opens the queue for `work`, and closes it. */
  async inQueue(work: (open: OpenQueue) => Promise<ExitCode>): Promise<ExitCode> {
    const options = await this.options();
    const { openQueue } = await import('./open-queue.js');
    const open = openQueue(options, (line) => this.terminal.note(line));
    try {
      return await work(open);
    } finally {
      await open.close();
    }
  }

  /**
   * Calls `work` with a signal that SIGINT and SIGTERM abort, instead of ending the process at once.
   *
   * @returns its exit code, or that of the signal.
   */
  async interruptibly(work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
    const { signal } = this.abort;
    const end = (name: NodeJS.Signals): void => {
      this.signalCode = name === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
      this.abort.abort();
    };
    process.on('SIGINT', end).on('SIGTERM', end);
    try {
      const code = await work(signal);
      return signal.aborted ? this.signalCode : code;
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end);
      this.terminal.showCursor();
    }
  }

  /**
   * Asks before a command changes more than one thing.
   *
   * @throws {UsageError} where there is nobody to ask, and no `--yes`.
   */
  async isConfirmed(question: string, { yes = false }: { readonly yes?: boolean }): Promise<boolean> {
    if (yes) return true;
    if (!this.terminal.canAsk) {
      throw new UsageError(`${question} There is no terminal to answer on. Pass --yes to go on.`);
    }
    if (await this.terminal.asks(question)) return true;
    this.terminal.note('Nothing was changed.');
    return false;
  }
}
