import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Observable, ReplaySubject, type Subscriber } from 'rxjs';
import { BROKER, type Broker, type Cancellation, type Signal } from '../broker/broker.js';
import { Execution } from './execution.js';
import { BrokerUnavailableError } from '../broker/queue-errors.js';
import { FollowUpStore } from './follow-up-store.js';
import { QueueLog } from '../log/queue-log.js';
import { ResultWaits, type LocalWorker } from './result-waits.js';
import { Workers } from './workers.js';
import { requireReason } from '../broker/short-text.js';
import type { ExecutionName, ExecutionSource, Sighting } from './execution-source.js';
import { isEnded, type Disposition, type ExecutionRecord, type ExecutionStatus } from '../broker/record.js';

/**
 * Longest wait for news before the first look, in milliseconds. Signals may be lost, and workers may not know who
 * waits.
 */
const FIRST_LOOK = 250;
const LAST_LOOK = 2_000;

/** Makes the handles of executions, and follows what becomes of them in whichever process they run. */
@Injectable()
export class ExecutionHandles implements ExecutionSource, BeforeApplicationShutdown {
  private readonly closing = new ReplaySubject<void>(1);
  readonly closing$ = this.closing.asObservable();
  private readonly watches = new Map<string, Set<Watch>>();
  private readonly waits: ResultWaits;
  private subscription: Promise<() => void> | undefined;
  private isClosed = false;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    private readonly followUps: FollowUpStore,
    workers: Workers,
    private readonly log: QueueLog,
  ) {
    this.waits = new ResultWaits(broker, workers);
  }

  /** Sets the worker of this process, which is made later. */
  know(worker: LocalWorker): void {
    this.waits.worker = worker;
  }

  checkWait(execution: ExecutionName): Promise<void> | undefined {
    return this.waits.check(execution);
  }

  reasonToWait(execution: ExecutionName): Promise<string | undefined> {
    return this.waits.reasonFor(execution);
  }

  of(record: ExecutionRecord, disposition?: Disposition): Execution {
    return new Execution(record, this, disposition);
  }

  find({ id, key }: ExecutionName): Promise<ExecutionStatus | undefined> {
    return this.broker.executions.find(id, key);
  }

  logs({ id }: ExecutionName): Promise<string | undefined> {
    return this.broker.logs.read(id);
  }

  /** @param execution leaves every other one with the key alone. */
  async cancel(key: string, reason: string, execution?: ExecutionName): Promise<Cancellation> {
    requireReason('cancel()', reason);
    let name = execution?.name;
    // Workers see it by themselves, where there are any before it is forgotten.
    const result = await this.broker.executions.cancel(key, reason, execution?.id, async (waiting) => {
      ({ name } = waiting);
      await this.followUps.foretellCancellation(waiting, reason).catch(() => {});
    });
    if (result === 'cancelled') this.log.cancelled(name ?? 'unknown task', key, reason);
    return result;
  }

  watch({ id, key, isUncommitted }: ExecutionName): Observable<Sighting> {
    return new Observable((subscriber) => {
      const watch = new Watch(
        { id, key, isAwaited: isUncommitted === true },
        this.broker,
        () => this.subscribe(),
        subscriber,
      );
      if (this.isClosed) return watch.close();
      const watches = this.watches.get(id) ?? new Set();
      this.watches.set(id, watches.add(watch));
      void watch.begin();
      return () => {
        watch.end();
        watches.delete(watch);
        if (watches.size === 0) this.watches.delete(id);
      };
    });
  }

  /**
   * Completes `events$`: a page that streams it must not hold the server open. Waiters for a result may still get it.
   */
  beforeApplicationShutdown(): void {
    this.closing.next();
  }

  /** Fails all open watches. */
  close(): void {
    this.isClosed = true;
    this.closing.next();
    for (const watches of this.watches.values()) for (const watch of watches) watch.close();
  }

  private subscribe(): Promise<unknown> {
    this.subscription ??= this.broker.signals.subscribe((signal) => this.hear(signal));
    this.subscription.catch(() => (this.subscription = undefined)); // and again with the next look
    return this.subscription;
  }

  private hear(signal: Signal): void {
    if (signal.type !== 'changed') return;
    for (const watch of this.watches.get(signal.id) ?? []) watch.look();
  }
}

interface WatchedExecution {
  readonly id: string;
  readonly key: string;
  /** Set when nobody may know it yet. */
  readonly isAwaited: boolean;
}

/** Looks at one execution whenever there may be news of it. */
class Watch {
  private last: string | undefined;
  private isLooking = false;
  private mustLookAgain = false;
  private isOver = false;
  private interval = FIRST_LOOK;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly target: WatchedExecution,
    private readonly broker: Broker,
    private readonly listen: () => Promise<unknown>,
    private readonly subscriber: Subscriber<Sighting>,
  ) {}

  async begin(): Promise<void> {
    // Before the first look: what changes in between is told, or seen.
    await this.listen().catch((error: unknown) => this.miss(error));
    if (this.isOver) return;
    this.ask();
    this.look();
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  close(): void {
    const error = new BrokerUnavailableError(this.broker.label, 'the application has shut down');
    this.subscriber.next({ type: 'unreachable', error });
    this.subscriber.complete();
  }

  look(): void {
    if (this.isOver) return;
    this.mustLookAgain = true;
    if (!this.isLooking) void this.lookUntilQuiet();
  }

  private async lookUntilQuiet(): Promise<void> {
    this.isLooking = true;
    try {
      while (this.mustLookAgain && !this.isOver) {
        this.mustLookAgain = false;
        this.report(await this.broker.executions.find(this.target.id, this.target.key));
      }
    } catch (error) {
      this.miss(error);
    }
    this.isLooking = false;
  }

  private report(status: ExecutionStatus | undefined): void {
    if (this.isOver) return;
    // Its transaction may still commit.
    if (status === undefined && this.target.isAwaited && this.last === undefined) return;
    const { state, attempt, when, starts, progress } = status ?? {};
    const seen = `${state} ${attempt} ${when} ${starts} ${JSON.stringify(progress)}`;
    if (seen === this.last) return;
    this.last = seen;
    this.subscriber.next(status === undefined ? { type: 'forgotten' } : { type: 'seen', status });
    if (status === undefined || isEnded(status.state)) this.subscriber.complete();
  }

  /** Later on, an outage is waited for: who waits for a result has set a limit, or has none. */
  private miss(error: unknown): void {
    if (this.last === undefined) this.subscriber.next({ type: 'unreachable', error });
  }

  /** Asks the workers to tell, now and then again: one may have come since, or not have heard it. */
  private ask(): void {
    this.broker.signals.publish({ type: 'watch', id: this.target.id }).catch(() => {}); // the next look tells whether it is down
    if (!this.broker.isShared && !this.target.isAwaited) return; // there, every signal arrives
    this.timer = setTimeout(() => {
      this.interval = Math.min(this.interval * 2, LAST_LOOK);
      this.listen().catch(() => {}); // in vain so far, perhaps
      this.ask();
      this.look();
    }, this.interval);
  }
}
