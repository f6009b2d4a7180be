import { Injectable } from '@nestjs/common';

/** API of a partner that may be down. */
@Injectable()
export class Partner {
  isDown = false;
  readonly accepted = new Set<number>();

  accept(order: number): void {
    if (this.isDown) throw new Error(`no answer for order ${order} after 5000 ms`);
    this.accepted.add(order);
  }
}
