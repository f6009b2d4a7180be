import { messageText } from '../../task/log-text.js';
import { isError, TasksError } from '../../task/task-errors.js';

const HIDDEN = '…';
/** Shorter texts would be found in words of any message. */
const SHORTEST_SECRET = 3;
/** Options of a connection that hold a secret, those of a URL's query included. */
const SECRET_OPTION = /pass|secret|token|key$/i;
const MAX_DEPTH = 4;
/** Redis repeats the beginning of each argument of a command that it does not know, or does not take. */
const REPEATED_ARGUMENTS = /,? with args beginning with:.*/s;
/** Class of PostgreSQL's errors that repeat a value: `invalid input syntax for type bigint: "…"`. */
const DATA_EXCEPTION = /^22/;

/**
 * Returns a new error with the name, message, code and frames of a driver's. The others of its fields hold arguments of
 * commands and details of rows, such as `command` of ioredis and `detail` of pg. Errors of the library are returned as
 * they are.
 *
 * @param connection options of the connection, a URL or a client: what is secret in them is taken out of the message.
 */
export function driverError(error: unknown, connection?: unknown): Error {
  if (error instanceof TasksError) return error;
  const { name, message, code, stack, command } = partsOf(error);
  const secrets = [...secretsOf(connection).flatMap(spellingsOf), ...argumentsOf(command)];
  const shown = hide(String(code), message, secrets);
  const copy = new Error(shown);
  Object.defineProperty(copy, 'name', { value: name, configurable: true, writable: true });
  const frames = stack.match(/\n {4}at .*/g)?.join('') ?? '';
  Object.defineProperty(copy, 'stack', { value: `${name}: ${shown}${frames}`, configurable: true, writable: true });
  return code === undefined ? copy : Object.assign(copy, { code });
}

interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string | number | undefined;
  readonly command: unknown;
}

function partsOf(error: unknown): ErrorParts {
  if (!isError(error)) {
    return { name: 'Error', message: 'the driver has thrown no error', stack: '', code: undefined, command: undefined };
  }
  const { name, message, stack, code, command, errors } = error as Error & Partial<Record<string, unknown>>;
  // That of a host with several addresses has a message in each of its errors alone.
  const first: unknown = message === '' && Array.isArray(errors) ? errors[0] : undefined;
  return {
    name: String(name),
    message: isError(first) ? first.message : String(message),
    stack: String(stack),
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    command,
  };
}

function hide(code: string, message: string, secrets: readonly string[]): string {
  let shown = message.replace(REPEATED_ARGUMENTS, '');
  if (DATA_EXCEPTION.test(code)) shown = shown.replace(/".*"/s, `"${HIDDEN}"`);
  // The longest first: a part of a secret may be a secret of its own.
  for (const secret of secrets.toSorted((one, other) => other.length - one.length)) {
    if (secret.length >= SHORTEST_SECRET) shown = shown.replaceAll(secret, HIDDEN);
  }
  return messageText(shown);
}

/** Arguments of a command of ioredis. */
function argumentsOf(command: unknown): string[] {
  const { args } = (command ?? {}) as { args?: unknown };
  return Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : [];
}

function secretsOf(connection: unknown, depth = 0): string[] {
  if (typeof connection === 'string') return secretsOfUrl(connection);
  if (typeof connection !== 'object' || connection === null || depth > MAX_DEPTH) return [];
  const { options } = connection as { options?: unknown };
  if (typeof options === 'object' && options !== null) return secretsOf(options, depth + 1); // a client or a pool
  // pg's passwords are not enumerable.
  return Object.getOwnPropertyNames(connection).flatMap((name) => {
    const value: unknown = Reflect.get(connection, name);
    if (typeof value !== 'string') return secretsOf(value, depth + 1);
    return SECRET_OPTION.test(name) ? [value] : secretsOfUrl(value);
  });
}

function secretsOfUrl(text: string): string[] {
  const password = /:\/\/[^@/]*?:(.*)@/s.exec(text)?.[1] ?? '';
  const secrets = [text.includes('://') ? text : '', password];
  if (!URL.canParse(text)) return secrets;
  const url = new URL(text);
  const inQuery = [...url.searchParams].filter(([name]) => SECRET_OPTION.test(name)).map(([, value]) => value);
  return [...secrets, url.password, ...inQuery];
}

/** Returns the spellings of a password: in a URL it is written otherwise than in an object. */
function spellingsOf(secret: string): string[] {
  try {
    return [secret, encodeURIComponent(secret), decodeURIComponent(secret)];
  } catch {
    return [secret];
  }
}
