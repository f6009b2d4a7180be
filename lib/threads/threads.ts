import { AsyncResource } from 'node:async_hooks';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { indented } from '../task/error-text.js';
import { currentActivity } from '../task/task-activity.js';
import { TASK_LINES } from '../task/task-lines.js';
import type { ThreadFunctionOptions } from '../task/task-parts.js';
import { loadPiscina } from './load-piscina.js';
import { ThreadFunction } from './thread-function.js';
import type { ResolvedThreadPoolOptions } from './thread-options.js';
import { ThreadPool } from './thread-pool.js';
import { readThrown } from './thrown-error.js';

type AnyFunction = (...args: unknown[]) => Promise<unknown>;

/** Log for errors outside of any task. */
export interface ThreadLog {
  write(level: 'warn', message: string, stack: string): void;
}

/** Runs functions in worker threads. Loads Piscina at the first use. */
export class Threads {
  private readonly functions = new Map<string, AnyFunction>();
  /**
   * Scope made at bootstrap: a thread made for a request would keep that request's async context for its whole life.
   */
  private readonly scope = new AsyncResource('Threads', { requireManualDestroy: true });
  private pool: ThreadPool | undefined;

  constructor(
    private readonly options: ResolvedThreadPoolOptions,
    private readonly log: ThreadLog,
  ) {}

  /**
   * Returns one function for each export, with its name, which runs it in a thread. An abort of the running task's
   * signal ends the thread.
   *
   * @throws {TasksUsageError} `PACKAGE_MISSING` when Piscina is not installed.
   */
  functionFor({ file, export: name = 'default' }: ThreadFunctionOptions): AnyFunction {
    const href = hrefOf(file);
    const key = `${href} ${name}`;
    const known = this.functions.get(key) ?? this.create(href, name);
    this.functions.set(key, known);
    return known;
  }

  /** Ends all threads, running calls included. */
  async end(): Promise<void> {
    await this.pool?.end();
  }

  private create(href: string, name: string): AnyFunction {
    this.pool ??= this.scope.runInAsyncScope(() => new ThreadPool(loadPiscina(), this.options, this.tellOfIdleEnd));
    const target = new ThreadFunction(this.pool, href, name);
    const call: AnyFunction = (...args) => {
      const signal = currentActivity()?.signal;
      return this.scope.runInAsyncScope(() => target.call(args, signal));
    };
    return Object.defineProperty(call, 'name', { value: target.name });
  }

  private readonly tellOfIdleEnd = (error: unknown): void => {
    this.log.write('warn', TASK_LINES.warn.threadEnded(), indented(readThrown(error, 'stack')));
  };
}

function hrefOf(file: URL | string): string {
  if (file instanceof URL) return file.href;
  return isAbsolute(file) ? pathToFileURL(file).href : file;
}
