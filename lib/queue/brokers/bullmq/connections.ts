import type { IQueueBackend } from 'bullmq';
import type { Gatekeeper } from '../gates/gate.js';
import type { SideStore } from './side-store.js';

/** What a broker is made of on one database: BullMQ's backends, and our store beside them. */
export interface Connections {
  /** `Redis` or `PostgreSQL`. */
  readonly label: string;
  /** One statement for many adds is faster than one for each. Redis's client pipelines by itself. */
  readonly addsInBatches: boolean;
  /** Calls take effect in the order in which they were made, since they share one connection. */
  readonly isOrdered: boolean;
  /** A job's data come back as they were written. PostgreSQL reads JSON, orders its keys anew and refuses some texts. */
  readonly keepsText: boolean;
  readonly queue: IQueueBackend;
  /** Lets a delayed job go on now. @returns whether it was delayed. However many ask at once, it goes on once. */
  promote(id: string): Promise<boolean>;
  /** @returns whether it was removed; not when it has been started or has ended meanwhile. */
  remove(id: string): Promise<boolean>;
  readonly store: SideStore;
  readonly gates: Gatekeeper;
  /** With a connection of its own to wait on; made at first use. */
  worker(): IQueueBackend;
  /**
   * Waits for the answer to a call, and in an outage not for long.
   *
   * @throws {BrokerUnavailableError}
   */
  answer<T>(call: () => Promise<T>): Promise<T>;
  /**
   * The same for calls that must not be given up and repeated: where the client sends them again by itself, an outage
   * is waited for.
   */
  persist<T>(call: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** How long a call waits for a connection that is down before it fails. */
export const PATIENCE = 2_000;

/**
 * Of a connection that was asked and says nothing, in milliseconds: it may have been cut without a word. Longer than a
 * worker waits for news.
 */
export const SILENCE = 6_000;

/** @throws what `late()` makes when there is no answer in time. */
export async function withPatience<T>(answer: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), PATIENCE);
  });
  try {
    return await Promise.race([answer, isLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the end of a connection gets before it is left to the end of the process: the other side may be gone. */
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

/** One policy for all connections, in milliseconds: soon at first, then about a second, and not all at once. */
export function reconnectDelay(times: number): number {
  return Math.min(1_000, 50 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 2);
}

/** What BullMQ's `Worker` is made with beside the connection. It only lends its backend: the loop is our own. */
export interface WorkerSettings {
  /** In milliseconds. */
  readonly lease: number;
  readonly workerId: string;
}

/** How often expired leases are looked for in the time of one. BullMQ notices one at the second look. */
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
