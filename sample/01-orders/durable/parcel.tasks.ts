import { Injectable } from '@nestjs/common';
import { Durable, Logged, TaskContext, TaskQueue } from 'nestjs-tasks';
import { Partner } from './partner.js';

/** A failing partner: what it refuses fails for good after two attempts, and is retried when the partner is back. */
@Injectable()
export class ParcelTasks {
  announced = 0;
  private last = 0;

  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
    private readonly partner: Partner,
  ) {}

  @Durable('parcels.announce', { retry: { attempts: 2, delay: 50 }, timeout: '10s' })
  async announce(@Logged() parcel: number): Promise<void> {
    this.context.logger.debug(`asks the partner to take parcel ${parcel}`);
    await this.partner.announce(parcel);
    this.announced++;
    this.context.logger.debug(`parcel ${parcel} is announced`);
  }

  /** Adds so many parcels. */
  async send(count: number): Promise<void> {
    const parcels = Array.from({ length: count }, () => ++this.last);
    await Promise.all(parcels.map((parcel) => this.queue.add(this.announce, { key: `parcel:${parcel}` })(parcel)));
  }
}
