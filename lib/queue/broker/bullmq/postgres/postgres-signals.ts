import { createHash, randomUUID } from 'node:crypto';
import type { Client, Notification, Pool } from 'pg';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import { reconnectDelay, soon } from '../connections.js';
import type { SignalChannel } from '../signal-channel.js';
import { CHOOSE_CHANNEL, FIND_CHANNEL } from './sql.generated.js';

/** NOTIFY, heard on a connection of its own. */
export class PostgresSignals implements SignalChannel {
  private channel: Promise<string> | undefined;
  private readonly listeners = new Set<(message: string) => void>();
  private listening: Promise<void> | undefined;
  private client: Client | undefined;
  private isClosed = false;

  constructor(
    private readonly pool: Pool,
    private readonly createClient: () => Client,
    private readonly options: ResolvedQueueOptions,
  ) {}

  async publish(message: string): Promise<void> {
    await this.pool.query('SELECT pg_notify($1, $2)', [await this.channelName(), message]);
  }

  async subscribe(listener: (message: string) => void): Promise<void> {
    this.listening ??= this.listen();
    try {
      await this.listening;
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
    this.listeners.add(listener);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await soon(this.client?.end());
  }

  private async listen(): Promise<void> {
    const client = this.createClient();
    client.on('error', () => {}); // 'end' follows
    client.on('notification', (notification) => this.hear(notification));
    try {
      await client.connect();
      await client.query(`LISTEN ${await this.channelName()}`);
      if (this.isClosed) throw new Error('The connection is closed');
    } catch (error) {
      await soon(client.end());
      throw error;
    }
    this.client = client;
    client.on('end', () => this.listenAgain(0));
  }

  private listenAgain(times: number): void {
    if (this.isClosed) return;
    setTimeout(() => this.listen().catch(() => this.listenAgain(times + 1)), reconnectDelay(times)).unref();
  }

  private hear({ payload = '' }: Notification): void {
    for (const listener of this.listeners) listener(payload);
  }

  /**
   * Returns the name of the channel. Any role that can connect to a database may LISTEN and NOTIFY there, so the name
   * is a secret that only roles with rights on the schema can read.
   */
  channelName(): Promise<string> {
    this.channel ??= this.chooseChannel();
    this.channel.catch(() => (this.channel = undefined)); // and again with the next call
    return this.channel;
  }

  /** Creates the secret, in the first process of the schema. */
  private async chooseChannel(): Promise<string> {
    const secret = async (): Promise<string | undefined> => {
      return (await this.pool.query<{ value: string }>(FIND_CHANNEL)).rows[0]?.value;
    };
    let known = await secret(); // first: after a failover the server may be read-only for a while
    if (known === undefined) {
      await this.pool.query(CHOOSE_CHANNEL, [randomUUID()]);
      known = await secret();
    }
    const hash = createHash('sha256').update(`${known}:${this.options.name}`).digest('hex');
    return `nestjs_tasks_${hash.slice(0, 32)}`;
  }
}
