/**
 * Parameter of a statement. Numbers travel as text, which the statement casts: libraries bind numbers in different ways.
 *
 * @publicApi
 */
export type OutboxValue = string | null;

/**
 * Row of a result, by column.
 *
 * @publicApi
 */
export type OutboxRow = Readonly<Record<string, unknown>>;

/**
 * Connection that statements of the outbox run on. Statements have a `?` for each parameter, and no other question mark.
 *
 * @publicApi
 */
export interface OutboxConnection {
  /** Runs a statement. @returns its rows; an empty list where it returns none. */
  query(statement: string, parameters: readonly OutboxValue[]): Promise<readonly OutboxRow[]>;
  /** Runs a statement that returns no rows. @returns the number of rows that it has inserted, updated or deleted. */
  execute(statement: string, parameters: readonly OutboxValue[]): Promise<number>;
}

/**
 * Database of an application, through the library that the application uses for it. `nestjs-tasks/outbox` has one for most
 * libraries: `fromPg()`, `fromTypeOrm()` and so on.
 *
 * Its own `query()` and `execute()` run outside all transactions, and never inside one that the application has open.
 *
 * @publicApi
 */
export interface OutboxDatabase extends OutboxConnection {
  readonly dialect: 'postgres' | 'mysql' | 'sqlite';
  /** Continues "Pass …" in errors: names the transaction of the library, such as `the manager that dataSource.transaction() hands to its callback`. */
  readonly transactions: string;
  /**
   * Returns the connection of an open transaction. Where the library allows it, at once and not as a promise.
   *
   * @param transaction the value that the application has passed, of any type.
   * @returns nothing for anything but an open transaction of this library.
   */
  within(transaction: unknown): OutboxConnection | undefined | Promise<OutboxConnection | undefined>;
  /**
   * Listens to a channel of PostgreSQL on a connection of its own. Absent where the library gives no access to one.
   *
   * @param heard takes the payload of each notification.
   * @param lost takes the error that has ended the connection. Nothing is heard after it.
   * @returns what ends it.
   */
  listen?(
    channel: string,
    heard: (payload: string) => void,
    lost: (error: unknown) => void,
  ): Promise<() => Promise<void>>;
}
