import type { Signal, WorkerRecord, Signals } from '../broker.js';
import type { Session } from './session.js';

/** Signals on the fleet's channel, and the workers that have announced themselves. */
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

  async announce(worker: WorkerRecord): Promise<void> {
    const { connections, workers } = await this.session.open();
    await connections.answer(() => workers.announce(worker));
  }

  async leave(workerId: string): Promise<void> {
    const { site } = this.session;
    await site?.connections.answer(() => site.workers.leave(workerId));
  }

  async workers(): Promise<WorkerRecord[]> {
    const { connections, workers } = await this.session.open();
    return connections.answer(() => workers.present());
  }
}
