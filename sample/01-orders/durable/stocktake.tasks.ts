import { Injectable } from '@nestjs/common';
import { Durable, Logged, TaskContext, TaskQueue } from 'nestjs-tasks';
import { Network } from '../network.js';

/** A fan-out: an execution for each shelf, and one more that runs when all of them have ended. */
@Injectable()
export class StocktakeTasks {
  /** Shelves of the last stocktake. */
  shelves = 0;
  /** Books on them, once they are added up. */
  books: number | undefined;
  private last = 0;

  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
    private readonly network: Network,
  ) {}

  /** Counts the books of a shelf. */
  @Durable('stocktake.shelf', { timeout: '10s' })
  async count(@Logged() shelf: number): Promise<number> {
    await this.network.call(500 + 150 * (shelf % 5), this.context.signal);
    return 100 + ((shelf * 37) % 50);
  }

  /** Adds up what the shelves have returned. */
  @Durable('stocktake.sum', { timeout: '1m' })
  async sum(): Promise<number> {
    const { outcomes, progress, logger } = this.context;
    let books = 0;
    progress.total(outcomes.length);
    for (const outcome of outcomes) {
      await this.network.call(100, this.context.signal);
      if (outcome.status === 'succeeded') books += outcome.value as number;
      progress.message(`${books} books so far`);
      progress.increment();
    }
    this.books = books;
    logger.debug(`${books} books on ${outcomes.length} shelves`);
    return books;
  }

  /** Adds an execution for each shelf, and the sum after them. */
  async begin(shelves: number): Promise<void> {
    const stocktake = ++this.last;
    this.shelves = shelves;
    this.books = undefined;
    const numbers = Array.from({ length: shelves }, (_, at) => at + 1);
    const counts = await Promise.all(
      numbers.map((shelf) => this.queue.add(this.count, { key: `stocktake:${stocktake}:shelf:${shelf}` })(shelf)),
    );
    await this.queue.after(counts).add(this.sum, { key: `stocktake:${stocktake}` })();
  }
}
