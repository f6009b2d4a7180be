import type { Duties } from '../duties.js';
import type { Session } from './session.js';

/** Duties in our store beside BullMQ's jobs. */
export class BullMqDuties implements Duties {
  constructor(private readonly session: Session) {}

  async take(duty: string, holder: string, ttl: number): Promise<boolean> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.store.take(lockOf(duty), holder, ttl));
  }

  async leave(duty: string, holder: string): Promise<void> {
    const { connections } = await this.session.open();
    await connections.answer(() => connections.store.unlock(lockOf(duty), holder));
  }
}

function lockOf(duty: string): string {
  return `duty:${duty}`;
}
