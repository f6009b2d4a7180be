import { Injectable } from '@nestjs/common';
import type { Settlement } from '../brokers/broker.js';
import type { ExecutionRun } from '../execution-run.js';
import { AutomaticTasks } from './automatic-tasks.js';
import { Doorkeeper } from './doorkeeper.js';
import { FanIns } from './fan-ins.js';
import { HeldExecutions } from './held-executions.js';
import { Strikes } from './strikes.js';

/** What a worker has to do for the behaviours of tasks beside running them. */
@Injectable()
export class Upkeep {
  private isReady = false;
  private isSweeping = false;

  constructor(
    private readonly doorkeeper: Doorkeeper,
    private readonly strikes: Strikes,
    private readonly held: HeldExecutions,
    private readonly fanIns: FanIns,
    private readonly automatic: AutomaticTasks,
  ) {}

  start(): void {
    this.automatic.start();
  }

  /** Before the first claim: no execution is started before it is known which must not be. */
  async prepare(): Promise<void> {
    if (this.isReady) return;
    await Promise.all([this.strikes.load(), this.fanIns.listen()]);
    await this.held.letGo();
    this.isReady = true;
  }

  /** What others have waited for may have come about with the end of a run. Nothing where nobody waits. */
  follow(run: ExecutionRun, settlement: Settlement): Promise<void> | undefined {
    const { record } = run.claim;
    if (settlement.type === 'park') return this.doorkeeper.parked(run);
    return this.fanIns.concerns(record) ? this.fanIns.settled(record, settlement) : undefined;
  }

  /** What somebody has not lived to do. */
  async sweep(): Promise<void> {
    if (!this.isReady || this.isSweeping) return;
    this.isSweeping = true;
    try {
      await this.held.letGo();
      await this.fanIns.sweep();
    } finally {
      this.isSweeping = false;
    }
  }

  close(): void {
    this.automatic.close();
    this.strikes.close();
  }
}
