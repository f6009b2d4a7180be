import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ThreadReply } from './thread-call.js';
import { ThreadError } from './thread-error.js';
import type { ThreadPool } from './thread-pool.js';
import { readThrown, reviveThrown } from './thrown-error.js';

/** Exported function of a file, to be called in a thread. */
export class ThreadFunction {
  readonly #pool: ThreadPool;
  readonly #href: string;
  readonly #export: string;

  constructor(pool: ThreadPool, href: string, name: string) {
    this.#pool = pool;
    this.#href = href;
    this.#export = name;
  }

  /** Name in the file. */
  get name(): string {
    return this.#export === 'default' ? parse(this.#path).name : this.#export;
  }

  /**
   * Calls the function in a thread.
   *
   * @param signal ends the thread; the call then rejects with its reason.
   * @throws the function's own error.
   * @throws {ThreadError} when the function cannot be called, or its thread ends first.
   */
  async call(args: readonly unknown[], signal: AbortSignal | undefined): Promise<unknown> {
    const reply = await this.#reply(args, signal);
    if ('value' in reply) return reply.value;
    if ('thrown' in reply) throw reviveThrown(reply.thrown);
    throw this.#error(reply.fault, reply.remedy, reply.cause && reviveThrown(reply.cause));
  }

  async #reply(args: readonly unknown[], signal: AbortSignal | undefined): Promise<ThreadReply> {
    try {
      return await this.#pool.run({ href: this.#href, name: this.#export, args }, signal);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      const index = args.findIndex((arg) => !isCloneable(arg));
      if (index === -1) throw this.#error('its thread ended before the function did', undefined, error);
      const problem = `argument ${index} (from 0) cannot be cloned into a thread`;
      // V8's own message would show the argument.
      throw this.#error(problem, 'Pass data without functions', undefined);
    }
  }

  #error(problem: string, remedy: string | undefined, cause: unknown): ThreadError {
    const why = cause === undefined ? '' : ` (${readThrown(cause, 'message').replace(/\.$/, '')})`;
    return new ThreadError(this.#path, this.#export, problem + why, remedy, cause === undefined ? {} : { cause });
  }

  get #path(): string {
    return fileURLToPath(this.#href);
  }
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
