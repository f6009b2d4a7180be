import { Injectable } from '@nestjs/common';
import { TaskScheduler, type Task } from 'nestjs-tasks';
import { countPrimes } from './primes.js';

/** The file as Node is to load it: what `primes.ts` is compiled to. */
const thread = { file: new URL('./primes.js', import.meta.url), export: 'countPrimes' };

@Injectable()
export class PrimesTasks {
  constructor(private readonly scheduler: TaskScheduler) {}

  countInThread(below: number): Task<number> {
    return this.scheduler.task<typeof countPrimes>({ thread, timeout: '5s' }).schedule(below);
  }

  /** For comparison. Its timeout could not stop it: nothing else runs while it does, the timer neither. */
  countOnEventLoop(below: number): Task<number> {
    return this.scheduler.schedule(countPrimes, below);
  }
}
