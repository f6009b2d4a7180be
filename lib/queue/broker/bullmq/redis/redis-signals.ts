import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { LastReply, withPatience } from '../patience.js';
import type { SignalChannel } from '../signal-channel.js';
import { untilReady } from './redis-client.js';
import { unavailable } from './redis-errors.js';

/** Channel of Redis, heard on a connection of its own. */
export class RedisSignals implements SignalChannel {
  private readonly name: string;
  private subscriber: Redis | undefined;
  private isClosed = false;

  constructor(
    private readonly client: Redis,
    private readonly options: ResolvedQueueOptions,
  ) {
    this.name = `${options.prefix}:${options.name}/signals`;
  }

  async publish(message: string): Promise<void> {
    await this.client.publish(this.name, message);
  }

  async subscribe(listener: (message: string) => void): Promise<void> {
    if (this.isClosed) throw new Error('The connection is closed');
    const subscriber = (this.subscriber ??= this.client.duplicate());
    await untilReady(subscriber, this.options);
    const subscribe = (): Promise<unknown> => subscriber.subscribe(this.name);
    await withPatience(subscribe(), new LastReply(), () => unavailable('no answer'));
    subscriber.on('message', (_channel: string, message: string) => listener(message));
    subscriber.on('ready', () => subscribe().catch(() => {})); // after an outage; it fails when the next one comes
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.subscriber?.disconnect();
    return Promise.resolve();
  }
}
