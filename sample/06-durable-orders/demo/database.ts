/** A Redis or PostgreSQL for the queue. */
export interface Database {
  readonly label: string;
  readonly url: string;
  /** Removes all that a queue with this prefix has left. */
  remove(prefix: string): Promise<void>;
  /** Lets go of the connection, and ends the server if it was started here. */
  close(): Promise<void>;
}

/** There is none. The message says how to get one. */
export class NoDatabaseError extends Error {}
