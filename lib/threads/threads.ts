import { Injectable } from '@nestjs/common';
import type { ThreadOptions } from '../task/task-parts.js';

/** Runs functions in worker threads. */
@Injectable()
export class Threads {
  functionFor(_thread: ThreadOptions): (...args: never[]) => unknown {
    throw new Error('not yet');
  }
}
