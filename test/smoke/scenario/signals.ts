import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ADAPTERS } from './adapters.js';
import { check, scenario, type Write } from './check.js';
import { send } from './client.js';
import { expectedLines, groupHooks } from './worst-order.js';

const ABORTED = 'unshielded task is cancelled';
const READY = 'is ready';

/** A server.js of its own, and the lines that it has written. */
class Server implements Disposable {
  readonly exit: Promise<unknown[]>;
  private readonly process: ChildProcess;
  private readonly lines: string[] = [];
  private readonly ended: Promise<unknown>;
  private tellNews: () => void = () => {};

  constructor(host: string, signals: number, write: Write) {
    this.process = fork(join(process.argv[1]!, '..', 'server.js'), [host, String(signals)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const lines = createInterface(this.process.stdout!).on('line', (line) => {
      this.lines.push(line);
      write(line);
      this.tellNews();
    });
    this.ended = once(lines, 'close');
    this.exit = once(this.process, 'exit');
  }

  /** Resolves to the `count`th line that begins with `text`. */
  async line(text: string, count = 1): Promise<string> {
    for (;;) {
      const line = this.lines.filter((each) => each.startsWith(text))[count - 1];
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        this.tellNews = resolve;
      });
    }
  }

  async request(): Promise<void> {
    const line = await this.line('listens on ');
    void send(line.replace('listens on ', '')).catch(() => {});
  }

  terminate(): void {
    this.process.kill('SIGTERM');
  }

  order(order: 'release' | 'close'): void {
    this.process.send(order);
  }

  async end(): Promise<string> {
    const [[code, signal]] = await Promise.all([this.exit, this.ended]);
    return `exit code ${code}, signal ${signal}`;
  }

  [Symbol.dispose](): void {
    this.process.kill('SIGKILL');
  }
}

/** From the moment of readiness; Nest 11 runs the hooks of others twice when close() joins a signal. */
function readJournal(lines: string[]): string[] {
  const journal = lines.slice(lines.indexOf(READY) + 1).filter((line) => !line.startsWith('[Tasks]'));
  return groupHooks(journal.filter((line, index) => !isHook(line) || journal.indexOf(line) === index));
}

function isHook(line: string): boolean {
  return /^(on|before)[A-Z]/.test(line);
}

/** How often each of the library's own lines about the shutdown comes, for each task that has one. */
function countDrains(lines: string[]): string[] {
  const told = lines
    .filter((line) => line.startsWith('[Tasks] Shutdown'))
    .map((line) => line.replace(/\d+\.\d s/g, 's'));
  const repeated = told.filter((line, index) => told.indexOf(line) !== index);
  const tasks = ['unshielded task', 'shielded task', "request's unshielded task", "request's shielded task"];
  const named = tasks.filter((task) => told.some((line) => line.includes(` ${task}#`)));
  return [...named.map((task) => `names the ${task}`), ...repeated.map((line) => `repeats ${line}`)];
}

async function checkSignal(host: string): Promise<void> {
  const withRequest = host !== 'context';
  const [first, ...rest] = expectedLines({ withRequest });
  const expected = ['receives SIGTERM', first!, 'is told to release', ...rest, 'exit code null, signal SIGTERM'];
  await check(
    `SIGTERM on ${host}`,
    expected,
    async (write) => {
      using server = new Server(host, 1, write);
      if (withRequest) await server.request();
      await server.line(READY);
      server.terminate();
      await server.line(ABORTED);
      server.order('release');
      write(await server.end());
    },
    readJournal,
  );
}

/** SIGTERM, SIGTERM again and app.close(), all in one drain. */
async function checkSharedDrain(host: string): Promise<void> {
  const [first, ...rest] = expectedLines({ withRequest: true });
  const expected = [
    'receives SIGTERM',
    first!,
    'receives SIGTERM',
    'is told to close',
    'is told to release',
    ...rest,
    'exit code null, signal SIGTERM',
  ];
  const lines: string[] = [];
  await check(
    `SIGTERM twice and close() on ${host}`,
    expected,
    async (write) => {
      const both: Write = (line) => {
        lines.push(line);
        write(line);
      };
      using server = new Server(host, 2, both);
      await server.request();
      await server.line(READY);
      server.terminate();
      await server.line(ABORTED);
      server.terminate();
      await server.line('receives SIGTERM', 2);
      server.order('close');
      await server.line('is told to close');
      server.order('release');
      both(await server.end());
    },
    readJournal,
  );
  await check(
    `SIGTERM twice and close() on ${host} log each phase once`,
    [
      'names the unshielded task',
      'names the shielded task',
      "names the request's unshielded task",
      "names the request's shielded task",
    ],
    async (write) => countDrains(lines).forEach((line) => write(line)),
  );
}

void scenario(async () => {
  for (const host of ['context', ...Object.keys(ADAPTERS)]) await checkSignal(host);
  for (const host of Object.keys(ADAPTERS)) await checkSharedDrain(host);
});
