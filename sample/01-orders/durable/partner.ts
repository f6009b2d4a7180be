import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Network } from '../network.js';

/**
 * Refusal of a partner. Without a stack: the place in this process says nothing about the partner's fault, and five hundred
 * stacks would flood the terminal.
 */
class PartnerError extends Error {
  override readonly name = 'PartnerError';

  constructor(message: string, cause: Error) {
    super(message, { cause });
    delete this.stack;
    delete cause.stack;
  }
}

/** API of a partner that takes parcels, and that a button breaks. */
@Injectable()
export class Partner {
  isBroken = false;

  constructor(private readonly network: Network) {}

  async announce(parcel: number): Promise<void> {
    await this.network.call(50);
    if (!this.isBroken) return;
    const cause = new Error('connect ECONNREFUSED 203.0.113.7:443');
    // Another text for each parcel. The dashboard puts them into one group all the same.
    throw new PartnerError(`the partner answered 503 to parcel ${parcel}, request ${randomUUID()}`, cause);
  }
}
