import { Injectable, type Type } from '@nestjs/common';
import { Arg, ConcurrencyLimit, Durable, Perpetual } from 'nestjs-tasks';
import { FaultTasks, type Step } from './fault-tasks.js';

/** Between the starts of a perpetual task, in milliseconds. */
export const EVERY = 300;

@Injectable()
export class ChainTasks {
  constructor(private readonly faults: FaultTasks) {}

  @Durable('tick')
  @Perpetual({ every: EVERY })
  tick(...steps: Step[]): Promise<number> {
    return this.faults.work(...steps);
  }
}

@Injectable()
export class AutomaticTasks {
  constructor(private readonly faults: FaultTasks) {}

  @Durable('auto')
  @Perpetual({ every: EVERY, automatic: true })
  auto(): Promise<number> {
    return this.faults.work({ ms: 20 });
  }
}

@Injectable()
export class LimitedTasks {
  constructor(private readonly faults: FaultTasks) {}

  @Durable('limited to 1')
  one(@Arg('pool') @ConcurrencyLimit(1) _pool: string, ...steps: Step[]): Promise<number> {
    return this.faults.work(...steps);
  }

  @Durable('limited to 2')
  two(@Arg('pool') @ConcurrencyLimit(2) _pool: string, ...steps: Step[]): Promise<number> {
    return this.faults.work(...steps);
  }
}

/** What a deploy may know, beside `FaultTasks`. */
export const TASK_SETS = { chain: ChainTasks, automatic: AutomaticTasks, limited: LimitedTasks };

export type TaskSet = keyof typeof TASK_SETS;

export function providersOf(sets: readonly TaskSet[] = []): Type[] {
  return [FaultTasks, ...sets.map((set) => TASK_SETS[set])];
}
