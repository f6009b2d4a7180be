import type { Claim, LimitStore } from '../broker.js';
import type { Admission, Gate, PoolRecord } from '../gate.js';
import type { Session } from './session.js';

/** Limits, which the database counts. */
export class BullMqLimits implements LimitStore {
  constructor(private readonly session: Session) {}

  async admit(claim: Claim, gates: readonly Gate[]): Promise<Admission> {
    const { connections, admissions } = this.session.site ?? (await this.session.open());
    return connections.persist(() => admissions.admit(claim, gates));
  }

  async pools(): Promise<PoolRecord[]> {
    const { connections, admissions } = await this.session.open();
    return connections.answer(() => admissions.pools());
  }
}
