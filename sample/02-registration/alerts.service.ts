import { Injectable, Logger } from '@nestjs/common';

/** Stands in for what wakes you up at night. */
@Injectable()
export class Alerts {
  readonly raised: string[] = [];
  private readonly logger = new Logger('Alerts');

  raise(message: string): void {
    this.raised.push(message);
    this.logger.error(message);
  }
}
