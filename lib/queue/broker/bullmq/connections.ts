import type { IQueueBackend, JobJson } from 'bullmq';

import type { Limiter } from '../limit.js';
import type { Backlog } from './backlog.js';
import type { EndedIndex } from './ended-index.js';
import type { SeenJob } from './seen-job.js';
import type { ShortCuts } from './short-cuts.js';
import type { SideStore } from './side-store.js';
import type { SignalChannel } from './signal-channel.js';
import type { Settlement } from '../settlement.js';

/** Parts of a broker on one database: BullMQ's backends, and our store beside them. */
export interface Connections {
  /** `Redis` or `PostgreSQL`. */
  readonly label: string;
  readonly queue: IQueueBackend;
  /** Returns the data of a job that keep a text as it is. */
  readonly dataOf: (text: string) => string;
  /** @returns the id of the job that has the key: this one, or the one that had it before. */
  addJob(job: JobJson): Promise<string>;
  /** Reads a job without its key and its data, which may be large. */
  lookAtJob(id: string): Promise<SeenJob | undefined>;
  readJob(id: string): Promise<SeenJob | undefined>;
  /** Lets a delayed job go on now. @returns whether it was delayed. However many ask at once, it goes on once. */
  promote(id: string): Promise<boolean>;
  /**
   * Moves a delayed job to another time, and writes down the memo that goes with that.
   *
   * @returns whether the job was delayed, with the memo that is expected. Otherwise nothing is changed.
   */
  retime(id: string, at: number, memo: { readonly expected: string; readonly next: string }): Promise<boolean>;
  /** @returns whether it was removed; not when it has been started or has ended meanwhile. */
  remove(id: string): Promise<boolean>;
  /** Prolongs leases. @returns the ids of those that are lost. */
  renew(ids: readonly string[], tokens: readonly string[]): Promise<string[]>;
  /** Puts jobs whose lease has expired back into the queue. @returns their ids. */
  recover(): Promise<string[]>;
  /** Returns the job that is held under the token of a claim. */
  heldBy(token: string): Promise<string | undefined>;
  /** Ids of all jobs that run. */
  activeIds(): Promise<string[]>;
  /** Puts a job that a move has lost half-way back among those that run. */
  reinstate(id: string, token: string): Promise<void>;
  /** Mends what keeps BullMQ from moving or reading a job. @returns the ids of those that were damaged. */
  repair(ids: readonly string[]): Promise<string[]>;
  /** @returns the end of a call, where the next one has to wait for it to take effect after it. */
  beforeNext(call: Promise<void>): Promise<void> | undefined;
  /** Tells whether a settlement and the next claim are one transaction, which fails or succeeds as a whole. */
  isOneCall(settlement: Settlement): boolean;
  readonly store: SideStore;
  readonly signals: SignalChannel;
  readonly limiter: Limiter;
  readonly shortCuts?: ShortCuts;
  readonly backlog: Backlog;
  readonly ended: EndedIndex;
  /** Returns the backend with a connection of its own to wait on; made at first use. */
  worker(): IQueueBackend;
  /**
   * Waits for the answer to a call, and in an outage not for long.
   *
   * @param isRepeatable `false`: to repeat the call could do its work twice.
   * @throws {BrokerUnavailableError}
   */
  answer<T>(call: () => Promise<T>, isRepeatable?: boolean): Promise<T>;
  /**
   * Does the same for calls that must not be given up and repeated: where the client sends them again by itself, an
   * outage is waited for.
   */
  persist<T>(call: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Silence of a connection that was asked something, in milliseconds, after which it is ended: it may have been cut without
 * a word. Longer than a worker waits for news.
 */
export const SILENCE = 6_000;

/** Time for the end of a connection before it is left to the end of the process: the other side may be gone. */
const FAREWELL = 500;

/** Waits for the end of something, whatever it is, and not for long. */
export async function soon(end: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FAREWELL);
  });
  await Promise.race([end?.catch(() => {}), isLate]);
  clearTimeout(timer);
}

/**
 * Returns the delay before the next attempt to connect, in milliseconds: soon at first, then about a second, with
 * jitter.
 */
export function reconnectDelay(times: number): number {
  return Math.min(1_000, 50 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 2);
}

/** Settings of BullMQ's `Worker` beside the connection. It only lends its backend: the loop is our own. */
export interface WorkerSettings {
  /** Lease of a claim, in milliseconds. */
  readonly lease: number;
  readonly workerId: string;
}

/** Number of looks for expired leases in the time of one. BullMQ notices an expired lease at the second look. */
const CHECKS_PER_LEASE = 3;

export function workerOptions({ lease, workerId }: WorkerSettings) {
  return {
    autorun: false,
    name: workerId,
    lockDuration: lease,
    // A little less than the time between two checks, so that none of them finds the door closed.
    stalledInterval: Math.floor((lease / CHECKS_PER_LEASE) * 0.9),
    // Crashes have a budget of ours: BullMQ's counter never goes back, and it would fail the job without a word.
    maxStalledCount: 1_000_000,
  };
}
