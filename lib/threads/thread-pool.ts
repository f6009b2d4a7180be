import { AsyncResource } from 'node:async_hooks';
import type { Piscina } from 'piscina';
import type { PiscinaModule } from './load-piscina.js';
import type { ThreadCall, ThreadReply } from './thread-call.js';
import { threadEntryFile } from './thread-entry-file.js';
import type { ResolvedThreadPoolOptions } from './thread-options.js';
import { ThreadSlots } from './thread-slots.js';

/** Call that waits for a thread, or runs in one. */
interface ThreadRun {
  readonly takenBy: Int32Array;
  /** Controller that ends the thread. */
  readonly stop: AbortController;
}

/**
 * Threads of the application, on Piscina. Never gives Piscina more calls than threads: it creates no thread for its
 * queue after an abort or a death.
 */
export class ThreadPool {
  readonly #piscina: Piscina;
  readonly #slots: ThreadSlots;
  readonly #runs = new Set<ThreadRun>();
  #latestFailure: unknown;
  #hasEnded = false;

  /** Creates the pool. @param onIdleEnd called when a thread has ended with an error without a call. */
  constructor(
    { Piscina }: PiscinaModule,
    { max, idleTimeout, resourceLimits }: ResolvedThreadPoolOptions,
    onIdleEnd: (error: unknown) => void,
  ) {
    this.#slots = new ThreadSlots(max);
    this.#piscina = new Piscina({
      filename: threadEntryFile(),
      minThreads: 0,
      maxThreads: max,
      idleTimeout,
      // With atomics a thread sleeps between its calls: a failing timer would wait, and fail the next call.
      atomics: 'disabled',
      recordTiming: false,
      ...(resourceLimits !== undefined && { resourceLimits }),
    });
    this.#piscina.on('error', (error: unknown) => {
      this.#latestFailure = error;
      onIdleEnd(error);
    });
    // Emitted before the thread is removed from Piscina's list.
    this.#piscina.on('workerDestroy', () => queueMicrotask(() => this.#failStranded()));
  }

  /**
   * Waits for a thread, and runs the call in it. Rejects with the signal's reason after the thread's end. Rejects with
   * an error of its own when the thread has ended or `args` cannot be cloned.
   */
  async run(call: Omit<ThreadCall, 'takenBy'>, signal: AbortSignal | undefined): Promise<ThreadReply> {
    await this.#slots.enter(signal);
    try {
      return await this.#runNow(call, signal);
    } finally {
      this.#slots.leave();
    }
  }

  /** Ends the threads, running calls included. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#piscina.destroy();
  }

  async #runNow(call: Omit<ThreadCall, 'takenBy'>, signal: AbortSignal | undefined): Promise<ThreadReply> {
    signal?.throwIfAborted(); // aborted while it waited
    if (this.#hasEnded) throw new Error('the application has shut down');
    const run: ThreadRun = {
      takenBy: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
      stop: new AbortController(),
    };
    let gone: Promise<void> | undefined;
    // In the context of the threads: listeners run in the task's, and no thread must keep that.
    const abort = AsyncResource.bind((): void => {
      gone = this.#endOf(run);
      run.stop.abort(signal?.reason);
    });
    signal?.addEventListener('abort', abort, { once: true });
    this.#runs.add(run);
    try {
      const reply: unknown = await this.#piscina.run({ ...call, takenBy: run.takenBy }, { signal: run.stop.signal });
      // Piscina resolves so when `throw null` has ended the thread: the entry always returns an object.
      if (reply === null) throw new Error('null was thrown and not caught');
      return reply as ThreadReply;
    } catch (error) {
      if (!run.stop.signal.aborted) throw error;
      await gone;
      throw run.stop.signal.reason;
    } finally {
      this.#runs.delete(run);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Resolves when the thread that has taken the call has ended. */
  #endOf({ takenBy }: ThreadRun): Promise<void> | undefined {
    const id = Atomics.load(takenBy, 0);
    const thread = this.#piscina.threads.find(({ threadId }) => threadId === id);
    return thread && new Promise((resolve) => thread.once('exit', () => resolve()));
  }

  /** Fails calls whose thread failed at its start: Piscina would keep them in its queue for ever. */
  #failStranded(): void {
    if (this.#piscina.queueSize === 0) return;
    const error = new Error('no thread can start', { cause: this.#latestFailure });
    for (const { takenBy, stop } of this.#runs) {
      if (Atomics.load(takenBy, 0) === 0) stop.abort(error);
    }
  }
}
