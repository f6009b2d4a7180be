import type { Claim, LimitStore } from '../broker.js';
import type { Admission, Limit, PoolRecord } from '../limit.js';
import type { Session } from './session.js';

/** Limits, which the database counts. */
export class BullMqLimits implements LimitStore {
  constructor(private readonly session: Session) {}

  async admit(claim: Claim, limits: readonly Limit[]): Promise<Admission> {
    const { connections, acquisition } = this.session.site ?? (await this.session.open());
    return connections.persist(() => acquisition.admit(claim, limits));
  }

  async pools(): Promise<PoolRecord[]> {
    const { connections, acquisition } = await this.session.open();
    return connections.answer(() => acquisition.pools());
  }
}
