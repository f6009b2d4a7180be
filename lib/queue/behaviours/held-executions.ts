import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker, type Claim } from '../brokers/broker.js';
import { QueueLog } from '../queue-log.js';
import { strikeId, type Strike } from './strike.js';
import { Strikes } from './strikes.js';

const BOOK = 'held';

interface Held {
  readonly key: string;
  readonly strike: string;
  /** Of the claim that parks it: each time another. */
  readonly token: string;
}

/** One for each strike that an execution meets in turn: to erase one must not erase the next. */
function fieldOf({ key, strike }: Held): string {
  return createHash('sha256').update(key, 'utf16le').update(strike).digest('base64url');
}

/** Remembers which executions are parked because of which strike, and lets them go on when it is not in force any more. */
@Injectable()
export class HeldExecutions {
  /** Of the book, and of the strikes, when all of them were looked at. */
  private version: string | undefined;
  private strikesSeen: string | undefined;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    private readonly strikes: Strikes,
    private readonly log: QueueLog,
  ) {
    strikes.changes$.subscribe(() => void this.letGo());
  }

  /** Before it is parked, so that a crash in between leaves nothing parked for ever. */
  async hold({ record, token }: Claim, strike: Strike): Promise<void> {
    const held: Held = { key: record.key, strike: strikeId(strike), token };
    await this.broker.writeEntry(BOOK, fieldOf(held), JSON.stringify(held));
  }

  /** It has been parked, perhaps after the strike was restored. */
  async parked(strike: Strike): Promise<void> {
    if (!this.strikes.holds(strikeId(strike))) await this.letGo();
  }

  /** Wakes those whose strike is gone. Again and again, by every worker: whoever restores may not live to do it. */
  async letGo(): Promise<void> {
    const seen = `${this.strikes.version}`;
    try {
      const book = await this.broker.readBook(BOOK, seen === this.strikesSeen ? this.version : undefined);
      if (book === undefined) return; // nothing has changed since all of them were looked at
      let isLeft = false;
      for (const text of book.entries.values()) {
        const held = JSON.parse(text) as Held;
        if (!this.strikes.holds(held.strike) && !(await this.wake(held, text))) isLeft = true;
      }
      this.version = isLeft ? undefined : book.version;
      this.strikesSeen = seen;
    } catch (error) {
      this.log.disrupted(error);
    }
  }

  /** @returns false for one that is about to be parked: it is looked at again when it is. */
  private async wake(held: Held, text: string): Promise<boolean> {
    const record = await this.broker.get(held.key);
    if (record?.state === 'running') return false;
    await this.broker.wake(held.key);
    await this.broker.eraseEntry(BOOK, fieldOf(held), text); // unless it is held again by now
    return true;
  }
}
