import { QUIET, type Broker } from '../broker/broker.js';
import { isEnded, type AwaitedExecution } from '../broker/record.js';
import { readStored } from '../broker/stored.js';
import { outcomeOf, readOutcome, type StoredOutcome } from './stored-outcome.js';

/** Map of all waiting executions, by an id of their own. Each has a map of outcomes, by position. */
export const FAN_INS = 'fan-ins';
/** Number of awaited executions that are looked at, or written down, at a time. */
const LOOKS = 50;

/** Execution that keeps the outcomes it has followed, for a time in milliseconds. */
export interface OutcomeKeeper {
  readonly id: string;
  readonly ttl: number;
}

/** Outcomes of awaited executions: noted while a fan-in waits for them, and kept by it when it has ended. */
export class AwaitedOutcomes {
  constructor(private readonly broker: Broker) {}

  async note(fanIn: string, at: number, outcome: StoredOutcome): Promise<void> {
    // Of one that waits no more, nobody will ask.
    const owner = { map: FAN_INS, field: fanIn };
    await this.broker.maps.write(outcomesOf(fanIn), String(at), JSON.stringify(outcome), owner);
  }

  count(fanIn: string): Promise<number> {
    return this.broker.maps.size(outcomesOf(fanIn));
  }

  /**
   * Erases the entry of a fan-in that has ended, or was never added.
   *
   * @param keptBy execution that keeps the outcomes, for its retry: what it has awaited may be forgotten by then.
   */
  async release(fanIn: string, keptBy?: OutcomeKeeper): Promise<void> {
    await this.broker.maps.erase(FAN_INS, fanIn, { owned: outcomesOf(fanIn), keptBy });
  }

  /**
   * Brings back what an execution has kept. An awaited execution may have run again since: what was kept counts only where
   * that is gone.
   */
  async restore(fanIn: string, keeper: string): Promise<void> {
    const kept = [...(await this.broker.maps.kept(keeper))];
    for (let from = 0; from < kept.length; from += LOOKS) {
      const writes = kept.slice(from, from + LOOKS).map(async ([at, text]) => {
        const outcome = readStored(text, readOutcome);
        if (outcome === undefined) return;
        await this.broker.maps.write(outcomesOf(fanIn), at, JSON.stringify({ ...outcome, isForetold: true }));
      });
      await Promise.all(writes);
    }
  }

  /** Returns the known outcomes of awaited executions; ends elsewhere are noted. */
  async look(fanIn: string, after: readonly AwaitedExecution[]): Promise<Map<number, StoredOutcome>> {
    const map = await this.broker.maps.read(outcomesOf(fanIn));
    const stored = new Map<number, StoredOutcome>();
    const foretold = new Map<number, StoredOutcome>();
    for (const [at, text] of map?.entries ?? []) {
      const outcome = readStored(text, readOutcome);
      // One that cannot be read is looked for again.
      if (outcome === undefined || Number(at) >= after.length) continue;
      (outcome.isForetold === true ? foretold : stored).set(Number(at), outcome);
    }
    const missing = [...after.entries()].filter(([at]) => !stored.has(at));
    for (let from = 0; from < missing.length; from += LOOKS) {
      const looks = missing.slice(from, from + LOOKS).map(async ([at, execution]) => {
        const outcome = await this.lookAt(fanIn, at, execution, foretold.get(at));
        if (outcome !== undefined) stored.set(at, outcome);
      });
      await Promise.all(looks);
    }
    return stored;
  }

  /** @returns how it has ended, if it has. */
  private async lookAt(
    fanIn: string,
    at: number,
    execution: AwaitedExecution,
    foretold: StoredOutcome = { state: 'forgotten' },
  ): Promise<StoredOutcome | undefined> {
    const status = await this.broker.executions.find(execution.id, execution.key);
    if (status !== undefined && !isEnded(status.state)) return undefined;
    const { isForetold: _isForetold, ...outcome } = status === undefined ? foretold : outcomeOf(status);
    await this.note(fanIn, at, outcome);
    return outcome;
  }
}

function outcomesOf(fanIn: string): string {
  return `${QUIET}fan-in:${fanIn}`;
}
