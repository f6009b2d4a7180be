import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

const BATCH = 1_000;

/** Stands in for a large table: rows come in batches, and whoever stops asking for more gets no more. */
@Injectable()
export class RowsService {
  async *lines(count: number): AsyncGenerator<string> {
    yield 'order,total\n';
    for (let row = 1; row <= count; row++) {
      if (row % BATCH === 1) await setImmediate(); // the next query
      yield `${row},${(row * 7.25).toFixed(2)}\n`;
    }
  }

  async *exportAll(count: number): AsyncGenerator<string> {
    for (let done = 0; done < count;) {
      await setImmediate();
      done = Math.min(done + BATCH, count);
      yield `${done} of ${count} rows`;
    }
  }
}
