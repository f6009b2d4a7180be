import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ThreadReply } from './thread-call.js';
import { ThreadError } from './thread-error.js';
import type { ThreadPool } from './thread-pool.js';
import { readThrown, reviveThrown } from './thrown-error.js';

/** A function that a file exports, to be called in a thread. */
export class ThreadFunction {
  readonly #pool: ThreadPool;
  readonly #href: string;
  readonly #export: string;

  constructor(pool: ThreadPool, href: string, name: string) {
    this.#pool = pool;
    this.#href = href;
    this.#export = name;
  }

  /** As it would be called in the file. */
  get name(): string {
    return this.#export === 'default' ? parse(this.#path).name : this.#export;
  }

  /**
   * @param signal ends the thread, and is what the call then rejects with the reason of.
   * @throws what the function throws.
   * @throws {ThreadError} when it cannot be called, or its thread ends before it does.
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
      if (index === -1) throw this.#error('its thread ended before it did', undefined, error);
      const problem = `its argument ${index}, counted from 0, cannot be cloned into a thread`;
      // Not V8's own message: it shows the argument.
      throw this.#error(problem, 'Pass data, without functions in it', undefined);
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
