import type { MinuteRecord, TimelineStore } from '../timeline-store.js';
import type { Session } from './session.js';

/** Timeline in our store beside BullMQ's jobs. */
export class BullMqTimeline implements TimelineStore {
  constructor(private readonly session: Session) {}

  async write(record: MinuteRecord): Promise<void> {
    const { connections } = await this.session.open();
    await connections.answer(() => connections.store.writeMinute(record));
  }

  async read(from: number, to: number): Promise<MinuteRecord[]> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.readMinutes(from, to));
  }
}
