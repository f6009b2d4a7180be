import { Inject, Injectable } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { BROKER, isEnded, type Broker, type ExecutionRecord, type Signal } from './brokers/broker.js';
import { Execution, type Disposition, type ExecutionSource } from './execution.js';
import { BrokerUnavailableError } from './queue-errors.js';
import { QueueLog } from './queue-log.js';

/** How long a wait for news goes on without looking. Signals may be lost, and workers may not know who waits. */
const FIRST_LOOK = 250;
const LAST_LOOK = 2_000;

/** Makes the handles of executions, and follows what becomes of them in whichever process they run. */
@Injectable()
export class Executions implements ExecutionSource {
  private readonly watches = new Map<string, Set<Watch>>();
  private subscription: Promise<() => void> | undefined;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    private readonly log: QueueLog,
  ) {}

  of(record: ExecutionRecord, disposition?: Disposition, isReplacement?: boolean): Execution {
    return new Execution(record, this, disposition, isReplacement);
  }

  get(key: string): Promise<ExecutionRecord | undefined> {
    return this.broker.get(key);
  }

  async cancel(key: string, reason: string): Promise<'cancelled' | 'signalled' | 'not-found'> {
    const known = await this.broker.get(key);
    const result = await this.broker.cancel(key, reason);
    if (result === 'cancelled') this.log.cancelled(known?.name ?? 'unknown task', key, reason);
    return result;
  }

  watch(key: string, notBefore: number): Observable<ExecutionRecord | undefined> {
    return new Observable((subscriber) => {
      const watch = new Watch(key, notBefore, this.broker, subscriber);
      const watches = this.watches.get(key) ?? new Set();
      this.watches.set(key, watches.add(watch));
      // Subscribed before the first look: what changes in between is told, or seen.
      this.subscribe().then(
        () => watch.begin(),
        (error: unknown) => subscriber.error(error),
      );
      return () => {
        watch.end();
        watches.delete(watch);
        if (watches.size === 0) this.watches.delete(key);
      };
    });
  }

  /** Nobody will hear of anything any more. */
  close(): void {
    const error = new BrokerUnavailableError(this.broker.label, 'the application has shut down');
    for (const watches of this.watches.values()) for (const watch of watches) watch.fail(error);
  }

  private subscribe(): Promise<unknown> {
    this.subscription ??= this.broker.subscribe((signal) => this.hear(signal));
    this.subscription.catch(() => (this.subscription = undefined)); // and again with the next watch
    return this.subscription;
  }

  private hear(signal: Signal): void {
    if (signal.type !== 'changed') return;
    for (const watch of this.watches.get(signal.key) ?? []) watch.look();
  }
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
    private readonly key: string,
    private readonly notBefore: number,
    private readonly broker: Broker,
    private readonly subscriber: Subscriber<ExecutionRecord | undefined>,
  ) {}

  begin(): void {
    if (this.isOver) return;
    this.ask();
    this.look();
  }

  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  fail(error: Error): void {
    this.subscriber.error(error);
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
        this.report(await this.broker.get(this.key));
      }
    } catch (error) {
      // Later on, an outage is waited for: whoever waits for a result has set a limit, or has none.
      if (this.last === undefined) this.subscriber.error(error);
    }
    this.isLooking = false;
  }

  private report(record: ExecutionRecord | undefined): void {
    if (this.isOver || (record !== undefined && record.addedAt < this.notBefore)) return;
    const { state, attempt, when, starts, progress } = record ?? {};
    const seen = `${state} ${attempt} ${when} ${starts} ${JSON.stringify(progress)}`;
    if (seen === this.last) return;
    this.last = seen;
    this.subscriber.next(record);
    if (record === undefined || isEnded(record.state)) this.subscriber.complete();
  }

  /** Asks the workers to tell, now and then again: one may have come since, or not have heard it. */
  private ask(): void {
    this.broker.publish({ type: 'watch', key: this.key }).catch(() => {}); // the next look tells whether it is down
    if (!this.broker.isShared) return; // there, every signal arrives
    this.timer = setTimeout(() => {
      this.interval = Math.min(this.interval * 2, LAST_LOOK);
      this.ask();
      this.look();
    }, this.interval);
  }
}
