import type { Signal } from '../broker.js';
import type { SideStore } from './side-store.js';

/** What our processes tell each other: the port's signals, and what concerns brokers alone. */
export type FleetSignal =
  | Signal
  /** A replacement waits for the run of the key to end. */
  | { readonly type: 'replaced'; readonly key: string }
  /** There is something to claim that the sender, who was woken for it, cannot take. */
  | { readonly type: 'work' };

/** Sends signals to all processes of the queue, and hears theirs from the first time on that somebody listens. */
export class Fleet {
  private readonly listeners = new Set<(signal: FleetSignal) => void>();
  private hearing: Promise<void> | undefined;

  constructor(private readonly store: SideStore) {}

  send(signal: FleetSignal): Promise<void> {
    return this.store.publish(JSON.stringify(signal));
  }

  /** @returns what ends the subscription. */
  async listen(listener: (signal: FleetSignal) => void): Promise<() => void> {
    this.listeners.add(listener);
    this.hearing ??= this.store.subscribe((message) => this.hear(JSON.parse(message) as FleetSignal));
    try {
      await this.hearing;
    } catch (error) {
      this.hearing = undefined; // the next one tries again
      this.listeners.delete(listener);
      throw error;
    }
    return () => this.listeners.delete(listener);
  }

  private hear(signal: FleetSignal): void {
    for (const listener of this.listeners) listener(signal);
  }
}
