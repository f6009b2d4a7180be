import type { BrokerLog } from '../broker.js';
import { decodeSignal, type FleetSignal } from './fleet-signal.js';
import type { SignalChannel } from './signal-channel.js';

/** Ids have none in them. */
const SEPARATOR = ' ';
/** Messages are short, and ids of 20 characters. */
const IDS_PER_MESSAGE = 80;

/**
 * Sends signals to all processes of the queue, and hears theirs from the first time on that somebody listens. Signals are
 * hints: whoever may write to the channel can forge them, so they carry no user data, and each is confirmed in the store.
 */
export class FleetSignals {
  private readonly listeners = new Set<(signal: FleetSignal) => void>();
  private hearing: Promise<void> | undefined;

  /** Signals that the broker did not take. */
  lost = 0;

  constructor(
    private readonly channel: SignalChannel,
    private readonly log: BrokerLog,
  ) {}

  /** Nobody waits for a signal, and none is missed: whoever it is for looks by himself in a while. */
  send(signal: FleetSignal): void {
    this.publish(signal).catch(() => (this.lost += 1));
  }

  /** Tells those who watch executions that these have changed: many in one message. */
  tellChanged(ids: readonly string[]): void {
    for (let from = 0; from < ids.length; from += IDS_PER_MESSAGE) {
      this.send({ type: 'changed', id: ids.slice(from, from + IDS_PER_MESSAGE).join(SEPARATOR) });
    }
  }

  /** The same, for whoever wants several to be heard in their order. */
  publish(signal: FleetSignal): Promise<void> {
    return this.channel.publish(JSON.stringify(signal));
  }

  /** @returns what ends the subscription. */
  async listen(listener: (signal: FleetSignal) => void): Promise<() => void> {
    this.listeners.add(listener);
    this.hearing ??= this.channel.subscribe((message) => this.hear(message));
    try {
      await this.hearing;
    } catch (error) {
      this.hearing = undefined; // the next one tries again
      this.listeners.delete(listener);
      throw error;
    }
    return () => this.listeners.delete(listener);
  }

  private hear(message: string): void {
    const signal = decodeSignal(message);
    if (signal === undefined) return this.log.signalRefused();
    const signals = signal.type === 'changed' ? signal.id.split(SEPARATOR).map((id) => ({ ...signal, id })) : [signal];
    for (const one of signals) for (const listener of this.listeners) listener(one);
  }
}
