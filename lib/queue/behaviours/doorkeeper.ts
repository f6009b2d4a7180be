import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker, type Settlement } from '../brokers/broker.js';
import type { Admission } from '../brokers/gates/gate.js';
import { CLOCK, type Clock } from '../clock.js';
import type { DurableTask } from '../durable-registry.js';
import type { ExecutionRun } from '../execution-run.js';
import { FanIns } from './fan-ins.js';
import { reasonOf } from './gate-rules.js';
import { HeldExecutions } from './held-executions.js';
import { describeStrike, type Strike } from './strike.js';
import { Strikes } from './strikes.js';

/** Between two runs that are skipped, in milliseconds. */
const LEAST_PAUSE = 1_000;

/** Decides whether a claimed execution may run now: strikes first, then what it is to follow, then its limits. */
@Injectable()
export class Doorkeeper {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly strikes: Strikes,
    private readonly held: HeldExecutions,
    private readonly fanIns: FanIns,
  ) {}

  /** @returns how it is to be settled instead. */
  async turnAway(run: ExecutionRun, durable: DurableTask, args: readonly unknown[]): Promise<Settlement | undefined> {
    const strike = this.strikes.find({ task: durable.name, args, parameters: durable.parameters });
    if (strike !== undefined) return this.strike(run, strike);
    const outcomes = await this.fanIns.outcomesFor(run.claim.record);
    if (outcomes === undefined) return { type: 'park', reason: 'executions that it is to follow have not ended' };
    run.outcomes = outcomes;
    return run.gates.length === 0 ? undefined : this.settlementOf(run, await this.broker.admit(run.claim, run.gates));
  }

  /** It is parked now: what it waits for may have come meanwhile. */
  async parked({ struckBy, claim }: ExecutionRun): Promise<void> {
    if (struckBy !== undefined) await this.held.parked(struckBy);
    else await this.fanIns.parked(claim.record);
  }

  private async strike(run: ExecutionRun, strike: Strike): Promise<Settlement> {
    const reason = describeStrike(strike);
    run.struckBy = strike;
    if (run.perpetual !== undefined) return this.skip(run, reason);
    if (strike.mode === 'drop') return { type: 'drop', reason };
    await this.held.hold(run.claim, strike);
    return { type: 'park', reason };
  }

  /** A perpetual task keeps its chain: it goes on when the reason is gone. */
  private skip(run: ExecutionRun, reason: string): Settlement {
    const next = run.perpetual?.next;
    if (next === undefined) return { type: 'drop', reason };
    const now = this.clock.now();
    // One that runs again at once would do nothing but skip.
    return { type: 'reschedule', args: next.args, at: next.at > now ? next.at : now + LEAST_PAUSE, reason };
  }

  private settlementOf(run: ExecutionRun, admission: Admission): Settlement | undefined {
    switch (admission.type) {
      case 'admitted':
        return undefined;
      case 'waits':
        return { type: 'park', reason: reasonOf(admission.gate) };
      case 'later':
        return { type: 'release', at: admission.at, reason: reasonOf(admission.gate), isUnstarted: true };
      case 'refused':
        return this.skip(run, reasonOf(admission.gate));
    }
  }
}
