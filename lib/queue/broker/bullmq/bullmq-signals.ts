import type { Signal, Signals } from '../broker.js';
import type { Session } from './session.js';

/** Signals on the fleet's channel. */
export class BullMqSignals implements Signals {
  constructor(private readonly session: Session) {}

  async publish(signal: Signal): Promise<void> {
    const { connections, fleetSignals } = await this.session.open();
    await connections.answer(() => fleetSignals.publish(signal));
  }

  async subscribe(listener: (signal: Signal) => void): Promise<() => void> {
    const { connections, fleetSignals } = await this.session.open();
    return connections.persist(() =>
      fleetSignals.listen((signal) => {
        if (signal.type !== 'replaced' && signal.type !== 'work') listener(signal);
      }),
    );
  }
}
