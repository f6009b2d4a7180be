import type { Broker, Signal } from '../broker/broker.js';
import type { Clock } from '../broker/clock.js';
import { ExpiringMap } from '../broker/expiring-map.js';
import type { WorkerState } from './worker-state.js';

/** Time for which a worker tells of an execution that somebody watches, in milliseconds. The watcher asks again before. */
const WATCH_TIME = 10_000;
/** Time for which a cancellation waits for an execution that is not known here, in milliseconds: its claim may be on the way. */
const EARLY_CANCEL_TIME = 10_000;

/** Signals between this worker and other processes: who watches an execution, and which one is to be cancelled. */
export class WorkerSignals {
  private readonly watched: ExpiringMap<string, true>;
  private readonly earlyCancels: ExpiringMap<string, true>;

  constructor(
    private readonly broker: Broker,
    private readonly state: WorkerState,
    clock: Clock,
    /** Cancels the run of an execution. Returns false where none runs here. */
    private readonly cancel: (id: string) => boolean,
  ) {
    this.watched = new ExpiringMap(clock, WATCH_TIME);
    this.earlyCancels = new ExpiringMap(clock, EARLY_CANCEL_TIME);
  }

  async listen(): Promise<void> {
    while (!this.state.isEnded) {
      try {
        await this.broker.signals.subscribe((signal) => this.hear(signal));
        return;
      } catch (error) {
        await this.state.pause(error);
      }
    }
  }

  /** Tells those who watch the execution that it has changed. */
  tell(id: string): void {
    if (this.watched.get(id) === true) this.broker.signals.publish({ type: 'changed', id }).catch(() => {}); // they look by themselves, too
  }

  /** Returns whether a cancellation has come before the claim, once. */
  takeCancel(id: string): boolean {
    return this.earlyCancels.take(id) === true;
  }

  private hear(signal: Signal): void {
    if (signal.type === 'watch') this.watched.set(signal.id, true);
    else if (signal.type === 'cancel' && !this.cancel(signal.id)) this.earlyCancels.set(signal.id, true);
  }
}
