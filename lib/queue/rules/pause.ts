import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import type { Settlement } from '../broker/settlement.js';
import { REASONS } from '../broker/reasons.js';
import { cutText, requireActor, requireReason } from '../broker/short-text.js';
import { readNumber, readStored } from '../broker/stored.js';
import { checkCallOptions } from '../client/call-options.js';
import { QueueLog } from '../log/queue-log.js';
import { KnownOptions } from '../../task/known-options.js';
import type { Rule } from './rule.js';
import { WatchedMap } from './watched-map.js';

/**
 * Options of `queue.pause()`.
 *
 * @publicApi
 */
export interface PauseOptions {
  /** Text of up to 1 kB for log lines and health pages. Default: none. */
  reason?: string | undefined;
  /** Person or program that pauses, in up to 200 characters. Kept with the pause. */
  by?: string | undefined;
}

/** Pause that is in force. */
export interface PauseState {
  readonly since: Date;
  readonly reason?: string;
  readonly by?: string;
}

/** Pause that is in force, as it is stored. */
interface StoredPause {
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  /** In milliseconds since the epoch. */
  readonly since: number;
}

const PAUSE = new KnownOptions<PauseOptions>({ reason: true, by: true });

const MAP = 'pause';
/** Field of the map. */
const QUEUE = 'queue';

/**
 * Pause of the queue: no worker of the fleet starts an execution. Runs that have started go on, and additions are accepted.
 * The pause lasts until `resume()`, through restarts.
 */
@Injectable()
export class Pause implements Rule {
  private readonly map: WatchedMap;
  private current: StoredPause | undefined;
  private readonly waiters = new Set<() => void>();

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly log: QueueLog,
  ) {
    this.map = new WatchedMap(broker, clock, MAP, (entries) => this.take(entries.get(QUEUE)));
  }

  /** State that this process knows of; at most a second old in a worker. */
  get isOn(): boolean {
    return this.current !== undefined;
  }

  /** A process that boots into a pause knows of it before its first claim. */
  prepare(): Promise<void> {
    return this.map.load();
  }

  /** Hands back what was claimed just before the pause was heard of. */
  beforeRun(): Settlement | undefined {
    return this.isOn ? { type: 'release', reason: REASONS.paused(), isUnstarted: true } : undefined;
  }

  /** Resolves when the pause is over, or the signal is aborted. */
  async ended(signal: AbortSignal): Promise<void> {
    if (!this.isOn || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.waiters.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.waiters.add(end);
      signal.addEventListener('abort', end);
    });
  }

  /** @throws {TaskArgumentError} when an option cannot be used. */
  async pause(options: PauseOptions): Promise<void> {
    checkCallOptions(PAUSE, options, 'pause()');
    const { reason, by } = options;
    if (reason !== undefined) requireReason('pause()', reason);
    if (by !== undefined) requireActor('pause()', by);
    await this.map.load();
    await this.broker.maps.write(MAP, QUEUE, JSON.stringify({ reason, by, since: this.clock.now() }));
    await this.map.read();
  }

  /** @returns whether the queue was paused. */
  async resume(): Promise<boolean> {
    await this.map.load();
    const wasPaused = await this.broker.maps.erase(MAP, QUEUE);
    await this.map.read();
    return wasPaused;
  }

  async isPaused(): Promise<boolean> {
    return (await this.state()) !== undefined;
  }

  /** Returns the pause that is in force. */
  async state(): Promise<PauseState | undefined> {
    await (this.map.isLoaded ? this.map.read() : this.map.load());
    if (this.current === undefined) return undefined;
    const { since, reason, by } = this.current;
    return { since: new Date(since), ...(reason !== undefined && { reason }), ...(by !== undefined && { by }) };
  }

  close(): void {
    this.map.close();
    this.end();
  }

  private take(text: string | undefined): void {
    const before = this.current;
    this.current = text === undefined ? undefined : this.decode(text);
    if (this.current !== undefined && before?.since !== this.current.since) this.log.paused(this.current.reason);
    if (this.current !== undefined || before === undefined) return;
    this.log.resumed();
    this.end();
  }

  /** An entry that cannot be read is a pause all the same: whoever wrote it wanted one. */
  private decode(text: string): StoredPause {
    const pause = readStored(text, ({ reason, by, since }) => {
      const isWhole = readNumber(since) !== undefined && (reason === undefined || typeof reason === 'string');
      return isWhole
        ? {
            since: since as number,
            ...(reason !== undefined && { reason: cutText(reason as string) }),
            ...(typeof by === 'string' && { by: cutText(by) }),
          }
        : undefined;
    });
    if (pause === undefined) this.log.unreadable('pause');
    return pause ?? { since: 0 };
  }

  private end(): void {
    for (const end of this.waiters) end();
  }
}
