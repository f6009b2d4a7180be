import { type ListeningClient, listenOn } from './listening-client.js';
import { has, isObject } from './library-object.js';

/** Members of a pool of pg that its types leave out: it makes its clients in the same way. */
export interface ListeningPool {
  readonly Client: new (options: unknown) => ListeningClient & { connect(): Promise<unknown> };
  readonly options: unknown;
}

/** Tells a pool of pg. */
export function isListeningPool(value: unknown): value is ListeningPool {
  return isObject(value) && has(value, 'connect', 'Client') && 'totalCount' in value;
}

/** Listens to a channel on a client of its own, with the options of a pool. */
export async function listenBeside(
  pool: ListeningPool,
  channel: string,
  heard: (payload: string) => void,
  lost: (error: unknown) => void,
): Promise<() => Promise<void>> {
  const client = new pool.Client(pool.options);
  await client.connect();
  return listenOn(client, channel, heard, lost);
}
