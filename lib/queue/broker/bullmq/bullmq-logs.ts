import type { LogStore } from '../broker.js';
import type { Session } from './session.js';

/** Lines of runs, as notes in our store beside BullMQ's jobs. */
export class BullMqLogs implements LogStore {
  constructor(private readonly session: Session) {}

  async write(id: string, text: string, ttl: number): Promise<void> {
    const { connections } = await this.session.open();
    await connections.answer(() => connections.store.setNote('logs', id, text, ttl));
  }

  async read(id: string): Promise<string | undefined> {
    const { connections } = await this.session.open();
    const [text] = await connections.answer(() => connections.store.getNotes('logs', [id]));
    return text;
  }
}
