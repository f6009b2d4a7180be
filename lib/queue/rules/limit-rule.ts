import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { reasonOf } from '../declaration/limit-declarations.js';
import { skip, type Rule, type RuledRun } from './rule.js';
import type { Settlement } from '../broker/settlement.js';

/** `@ConcurrencyLimit()`, `@RateLimit()`, `@Cooldown()` and `@Debounce()`: the broker counts, for the whole fleet. */
@Injectable()
export class LimitRule implements Rule {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  beforeRun(run: RuledRun): Promise<Settlement | undefined> | undefined {
    return run.limits.length === 0 ? undefined : this.admit(run);
  }

  private async admit(run: RuledRun): Promise<Settlement | undefined> {
    const admission = await this.broker.limits.admit(run.claim, run.limits);
    switch (admission.type) {
      case 'admitted':
        return undefined;
      case 'waits':
        return { type: 'park', reason: reasonOf(admission.limit, false) };
      case 'later':
        return { type: 'release', at: admission.at, reason: reasonOf(admission.limit, false), isUnstarted: true };
      case 'refused':
        return skip(run, reasonOf(admission.limit, true), this.clock.now());
    }
  }
}
