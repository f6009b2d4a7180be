import type { QueueWorker } from '../queue/worker/queue-worker.js';
import type { Duration } from '../task/duration.js';
import { fail } from './fail.js';
import { ENDLESS, type TestBroker } from './test-broker.js';
import { turn } from './turn.js';
import type { VirtualClock } from './virtual-clock.js';
import { LIVE_STATES, type ExecutionRecord } from '../queue/broker/record.js';

/** Lets the worker run, and moves the clock when nothing is left to run. */
export class TestDrive {
  constructor(
    private readonly broker: TestBroker,
    private readonly clock: VirtualClock,
    private readonly worker: QueueWorker,
    /** Limit in milliseconds of real time. */
    private readonly patience: number,
  ) {}

  /** Lets the worker run due executions from now on. */
  open(): void {
    this.broker.runs.open();
    this.worker.start();
  }

  async runUntilFinished(): Promise<void> {
    this.broker.runs.expectEnd();
    await this.whileOpen(async () => {
      await this.settle();
      this.expectNoPause();
      while ((await this.isTimeLeft()) && this.clock.next < Infinity) {
        this.clock.moveTo(this.clock.next);
        await this.settle();
        this.expectNoPause();
      }
    });
  }

  async advance(by: Duration | Date): Promise<void> {
    await this.whileOpen(() =>
      this.clock.advanceWith(by, () => {
        this.broker.runs.expectEnd();
        return this.settle();
      }),
    );
  }

  /** Fails where the end cannot come. */
  private expectNoPause(): void {
    if (this.worker.isPaused)
      fail('The queue is paused, and runUntilFinished() would not end: call queue.resume(), or use advance().');
  }

  private async whileOpen(work: () => Promise<void>): Promise<void> {
    this.open();
    try {
      await work();
    } finally {
      this.broker.runs.shut();
    }
  }

  /** Resolves when all due executions have ended. */
  private async settle(): Promise<void> {
    for (;;) {
      await turn();
      if (this.broker.runs.isClosed) fail('The module was closed while the test waited for its queue.');
      const { endless } = this.broker.runs;
      if (endless !== undefined) {
        fail(
          `'${endless}' was started ${ENDLESS} times and seems endless. Use advance() to end at a time, or runAtMost() at a number of runs.`,
        );
      }
      if (this.broker.runs.isQuiet(this.clock.sleepers)) return;
      if (this.worker.isPaused && this.broker.runs.running.length === 0) return;
      if (await this.broker.runs.news(this.patience)) continue;
      const running = this.broker.runs.running.map(({ record }) => labelOf(record)).join(', ');
      fail(
        `Nothing has ended for ${this.patience} ms. Running: ${running}. Call clock.advance() for executions that wait for time, or set a longer patience in TestQueue.install().`,
      );
    }
  }

  /** Tells if an unfinished execution needs only time to end. */
  private async isTimeLeft(): Promise<boolean> {
    const { counts } = await this.broker.executions.list(0);
    return LIVE_STATES.some((state) => state !== 'parked' && counts[state] > 0);
  }
}

export function labelOf({ name, key }: ExecutionRecord): string {
  return `${name} (${key})`;
}
