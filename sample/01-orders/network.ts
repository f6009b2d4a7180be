import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';

/** The token of the pace of the simulated network: 1 is that of a person who watches, 0 that of a test. */
export const PACE = Symbol('PACE');

/** Stands in for the other services of a shop: it takes as long, and calls nobody. */
@Injectable()
export class Network {
  constructor(@Inject(PACE) private readonly pace: number) {}

  /** @param signal stops the wait, as it would stop a fetch(). */
  async call(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await wait(milliseconds * this.pace, undefined, signal && { signal });
  }
}
