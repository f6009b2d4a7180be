/** Separates the statement from the reason in the messages of knex. */
const REASON = ' - ';
/** Lines of a stack after its message. */
const FRAMES = /(?:\n +at .*)*$/;

interface DriverError extends Error {
  /** Statement of mysql2 and mariadb, with the values in it where the client has put them there. */
  sql?: unknown;
  /** Reason of mysql2 and mariadb, as the server has given it. */
  sqlMessage?: unknown;
  /** Values, of TypeORM. */
  parameters?: unknown;
  /** Values, of Drizzle, which puts them into the message, too. */
  params?: unknown;
  /** Code of the driver's error. Drizzle has none of its own. */
  code?: unknown;
  /** Error of the driver within one of TypeORM. */
  driverError?: unknown;
}

/**
 * Runs a statement. Takes its parameters out of an error: knex and mariadb put them into the message, mysql2 into a copy
 * of the statement. The error stays the same object, for its code tells the application whether to try again.
 */
export async function withoutValues<R>(statement: string, run: () => PromiseLike<R>): Promise<R> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error) hideValues(error, statement);
    throw error;
  }
}

function hideValues(error: DriverError, statement: string): void {
  const inner = error.driverError ?? error.cause;
  if (inner instanceof Error) hideValues(inner, statement);
  if (error.sql !== undefined) error.sql = statement;
  if (error.parameters !== undefined) error.parameters = [];
  if (error.params !== undefined && inner instanceof Error) takeReason(error, inner);
  error.message = reasonOf(error);
  error.stack = `${error.name}: ${error.message}${FRAMES.exec(error.stack ?? '')?.[0]}`;
}

function takeReason(error: DriverError, { message, code }: DriverError): void {
  Object.assign(error, { params: [], message, ...(code === undefined ? {} : { code }) });
}

/** Returns what the server has said: the part that never has a value in it. */
function reasonOf({ message, sqlMessage }: DriverError): string {
  if (typeof sqlMessage === 'string') return sqlMessage;
  const at = message.lastIndexOf(REASON);
  return at === -1 ? message : message.slice(at + REASON.length);
}
