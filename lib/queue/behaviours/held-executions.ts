import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../brokers/broker.js';
import { QueueLog } from '../queue-log.js';
import { strikeId, type Strike } from './strike.js';
import { Strikes } from './strikes.js';

const BOOK = 'held';

interface Held {
  readonly key: string;
  readonly strike: string;
}

/** Keys may be too long for a field, or hold what a database refuses. */
function fieldOf(key: string): string {
  return createHash('sha256').update(key, 'utf16le').digest('base64url');
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
  async hold(key: string, strike: Strike): Promise<void> {
    await this.broker.writeEntry(BOOK, fieldOf(key), JSON.stringify({ key, strike: strikeId(strike) } satisfies Held));
  }

  /** It has been parked, perhaps after the strike was restored. */
  async parked(strike: Strike): Promise<void> {
    if (!this.strikes.has(strikeId(strike))) await this.letGo();
  }

  /** Wakes those whose strike is gone. Again and again, by every worker: whoever restores may not live to do it. */
  async letGo(): Promise<void> {
    const seen = `${this.strikes.version}`;
    try {
      const book = await this.broker.readBook(BOOK, seen === this.strikesSeen ? this.version : undefined);
      if (book === undefined) return; // nothing has changed since all of them were looked at
      let isLeft = false;
      for (const text of book.entries.values()) {
        const { key, strike } = JSON.parse(text) as Held;
        if (!this.strikes.has(strike) && !(await this.wake(key))) isLeft = true;
      }
      this.version = isLeft ? undefined : book.version;
      this.strikesSeen = seen;
    } catch (error) {
      this.log.disrupted(error);
    }
  }

  /** @returns false for one that is about to be parked: it is looked at again when it is. */
  private async wake(key: string): Promise<boolean> {
    const record = await this.broker.get(key);
    if (record?.state === 'running') return false;
    await this.broker.wake(key);
    await this.broker.eraseEntry(BOOK, fieldOf(key));
    return true;
  }
}
