import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { TaskContext } from 'nestjs-tasks';
import { Ledger } from './ledger.js';

/** What takes a task its time: a call to a bank, a page to render. */
@Injectable()
export class Work {
  constructor(
    private readonly ledger: Ledger,
    private readonly context: TaskContext,
  ) {}

  /**
   * The running execution's effect. An execution runs at least once, so its second run has to find out that the first has
   * got this far. A real bank is given the key too, for the moment between its answer and our entry.
   */
  async once(duration: number): Promise<void> {
    const { key, signal } = this.context;
    await this.ledger.write(key, 'started');
    const done = await this.ledger.done();
    if (done.has(key)) return;
    await setTimeout(duration, undefined, { signal }); // ends at once when the worker shuts down
    await this.ledger.write(key, 'done');
  }
}
