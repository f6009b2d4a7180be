import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker, type Claim } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { readStored } from '../broker/stored.js';
import { QueueLog } from '../log/queue-log.js';
import type { DurableTask } from '../declaration/durable-registry.js';
import { skip, type Rule, type RuledRun } from './rule.js';
import { describeStrike, strikeId, type Strike } from './strike.js';
import { Strikes } from './strikes.js';
import type { Settlement } from '../broker/settlement.js';

const MAP = 'held';

interface Held {
  readonly key: string;
  readonly strike: string;
  /** Token of the claim that parks it: each time another. */
  readonly token: string;
}

/** Returns a field for each strike that an execution meets in turn: erasing one must not erase the next. */
function fieldOf({ key, strike }: Held): string {
  return createHash('sha256').update(key, 'utf16le').update(strike).digest('base64url');
}

function readHeld({ key, strike, token }: Readonly<Record<string, unknown>>): Held | undefined {
  const isWhole = typeof key === 'string' && key !== '' && typeof strike === 'string' && typeof token === 'string';
  return isWhole ? { key, strike, token } : undefined;
}

/** Keeps struck executions from running. Held ones are remembered with their strike, and go on when it is gone. */
@Injectable()
export class StrikeRule implements Rule {
  /** Version of the map, and of the strikes, when all held ones were looked at. */
  private version: string | undefined;
  private strikesSeen: string | undefined;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly strikes: Strikes,
    private readonly log: QueueLog,
  ) {
    strikes.changes$.subscribe(() => void this.letGo());
  }

  async prepare(): Promise<void> {
    await this.strikes.load();
    await this.letGo();
  }

  beforeRun(
    run: RuledRun,
    task: DurableTask,
    args: readonly unknown[],
  ): Settlement | undefined | Promise<Settlement | undefined> {
    const strike = this.strikeOn(task, args);
    if (strike !== undefined) return this.stop(run, strike);
    return run.claim.record.extras?.isStruck === true ? this.askAgain(run, task, args) : undefined;
  }

  afterRun({ stoppedBy, struckBy }: RuledRun, { type }: Settlement): Promise<void> | undefined {
    if (type !== 'park' || stoppedBy !== this || struckBy === undefined) return undefined;
    // It is parked now, perhaps after the strike was restored.
    return this.strikes.holds(strikeId(struckBy)) ? undefined : this.letGo();
  }

  sweep(): Promise<void> {
    return this.letGo();
  }

  close(): void {
    this.strikes.close();
  }

  private strikeOn({ name, parameters }: DurableTask, args: readonly unknown[]): Strike | undefined {
    return this.strikes.find({ task: name, args, parameters });
  }

  /** Strikes spread by signals, which a claim may overtake. */
  private async askAgain(run: RuledRun, task: DurableTask, args: readonly unknown[]): Promise<Settlement | undefined> {
    await this.strikes.refresh();
    const strike = this.strikeOn(task, args);
    return strike === undefined ? undefined : this.stop(run, strike);
  }

  private stop(run: RuledRun, strike: Strike): Settlement | Promise<Settlement> {
    const reason = describeStrike(strike);
    run.strikeBy(strike);
    if (run.perpetual !== undefined || strike.mode === 'drop') return skip(run, reason, this.clock.now());
    return this.hold(run.claim, strike).then((): Settlement => ({ type: 'park', reason }));
  }

  /** Noted before it is parked, so that a crash in between leaves nothing parked for ever. */
  private async hold({ record, token }: Claim, strike: Strike): Promise<void> {
    const held: Held = { key: record.key, strike: strikeId(strike), token };
    await this.broker.maps.write(MAP, fieldOf(held), JSON.stringify(held));
  }

  /** Wakes those whose strike is gone. Again and again, by every worker: whoever restores may not live to do it. */
  private async letGo(): Promise<void> {
    const seen = `${this.strikes.version}`;
    try {
      const map = await this.broker.maps.read(MAP, seen === this.strikesSeen ? this.version : undefined);
      if (map === undefined) return; // nothing has changed since all of them were looked at
      let isLeft = false;
      for (const [field, text] of map.entries) {
        const held = readStored(text, readHeld);
        if (held === undefined) {
          this.log.unreadable(`held execution ${field}`);
          continue;
        }
        if (!this.strikes.holds(held.strike) && !(await this.wake(held, text))) isLeft = true;
      }
      this.version = isLeft ? undefined : map.version;
      this.strikesSeen = seen;
    } catch (error) {
      this.log.disrupted(error);
    }
  }

  /** @returns false for one that is about to be parked: it is looked at again when it is. */
  private async wake(held: Held, text: string): Promise<boolean> {
    const record = await this.broker.executions.get(held.key);
    if (record?.state === 'running') return false;
    await this.broker.runs.wake(held.key);
    await this.broker.maps.erase(MAP, fieldOf(held), { expected: text }); // unless it is held again by now
    return true;
  }
}
