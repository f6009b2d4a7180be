import { setTimeout } from 'node:timers/promises';

/** Time for the end of a connection, in milliseconds. */
const FAREWELL = 1_000;

/** Client of pg that is connected. */
export interface ListeningClient {
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'notification', listener: (message: { channel: string; payload?: string | undefined }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

/**
 * Listens to a channel on a client of its own, which ends with it.
 *
 * A client of the pool would be one less for the application, all of a pool of one, and hold up `pool.end()`.
 */
export async function listenOn(
  client: ListeningClient,
  channel: string,
  heard: (payload: string) => void,
  lost: (error: unknown) => void,
): Promise<() => Promise<void>> {
  let isOver = true;
  const lose = (error: unknown) => {
    if (isOver) return;
    isOver = true;
    lost(error);
  };
  // An error without a listener would end the process, also one after `lost`.
  client.on('error', lose);
  client.on('end', () => lose(new Error('The connection of the outbox has ended.')));
  client.on('notification', (message) => {
    if (message.channel === channel) heard(message.payload ?? '');
  });
  try {
    await client.query(`LISTEN "${channel.replaceAll('"', '""')}"`);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
  isOver = false;
  return async () => {
    isOver = true;
    // A server that no longer answers holds up no shutdown.
    await Promise.race([client.end(), setTimeout(FAREWELL, undefined, { ref: false })]);
  };
}
