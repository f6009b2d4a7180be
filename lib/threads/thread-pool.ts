import { AsyncResource } from 'node:async_hooks';
import type { Piscina } from 'piscina';
import type { PiscinaModule } from './load-piscina.js';
import type { ThreadCall, ThreadReply } from './thread-call.js';
import { threadEntryFile } from './thread-entry-file.js';
import type { ResolvedThreadPoolOptions } from './thread-options.js';
import { ThreadSlots } from './thread-slots.js';

/** A call that is on its way to a thread, or runs in one. */
interface ThreadRun {
  readonly takenBy: Int32Array;
  /** Ends the thread. */
  readonly stop: AbortController;
}

/**
 * The application's threads, on Piscina. Never gives Piscina more calls than it may have threads: it makes no thread for
 * those in its queue when one that ran was aborted or died.
 */
export class ThreadPool {
  readonly #piscina: Piscina;
  readonly #slots: ThreadSlots;
  readonly #runs = new Set<ThreadRun>();
  #latestFailure: unknown;
  #hasEnded = false;

  /** @param onIdleEnd told when a thread has ended with an error while it had no call. */
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
      // With them a thread sleeps between its calls: what fails in a timer would wait, and take the next call with it.
      atomics: 'disabled',
      recordTiming: false,
      ...(resourceLimits !== undefined && { resourceLimits }),
    });
    this.#piscina.on('error', (error: unknown) => {
      this.#latestFailure = error;
      onIdleEnd(error);
    });
    // Told before the thread is struck off its list.
    this.#piscina.on('workerDestroy', () => queueMicrotask(() => this.#failStranded()));
  }

  /**
   * Waits for a thread, and runs the call in it. Rejects with the signal's reason once the thread has gone; else, when
   * the thread has ended or `args` cannot be cloned, with the error that tells so.
   */
  async run(call: Omit<ThreadCall, 'takenBy'>, signal: AbortSignal | undefined): Promise<ThreadReply> {
    await this.#slots.enter(signal);
    try {
      return await this.#runNow(call, signal);
    } finally {
      this.#slots.leave();
    }
  }

  /** Ends the threads, whatever they do. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#piscina.destroy();
  }

  async #runNow(call: Omit<ThreadCall, 'takenBy'>, signal: AbortSignal | undefined): Promise<ThreadReply> {
    signal?.throwIfAborted(); // while its turn came
    if (this.#hasEnded) throw new Error('the application has shut down');
    const run: ThreadRun = {
      takenBy: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
      stop: new AbortController(),
    };
    let gone: Promise<void> | undefined;
    // In the context of the threads: listeners run in that of the task, and no thread is to keep it.
    const abort = AsyncResource.bind((): void => {
      gone = this.#endOf(run);
      run.stop.abort(signal?.reason);
    });
    signal?.addEventListener('abort', abort, { once: true });
    this.#runs.add(run);
    try {
      const reply: unknown = await this.#piscina.run({ ...call, takenBy: run.takenBy }, { signal: run.stop.signal });
      // So Piscina resolves when `throw null` has ended the thread: the entry always returns an object.
      if (reply === null) throw new Error('null was thrown, and not caught');
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

  /** A thread that fails while it starts leaves the call that it was made for in Piscina's queue, for ever. */
  #failStranded(): void {
    if (this.#piscina.queueSize === 0) return;
    const error = new Error('no thread can start', { cause: this.#latestFailure });
    for (const { takenBy, stop } of this.#runs) {
      if (Atomics.load(takenBy, 0) === 0) stop.abort(error);
    }
  }
}
