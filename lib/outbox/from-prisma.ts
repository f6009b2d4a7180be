import type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
import { describeType, TasksConfigError } from '../task/task-errors.js';
import { has, isObject, type LibraryObject } from './library-object.js';
import { numbered } from './numbered.js';
import { whileOpen } from './while-open.js';

/**
 * Part of a client of Prisma that the outbox uses.
 *
 * @publicApi
 */
export interface PrismaQueries {
  $queryRawUnsafe(statement: string, ...parameters: OutboxValue[]): PromiseLike<unknown>;
  $executeRawUnsafe(statement: string, ...parameters: OutboxValue[]): PromiseLike<number>;
}

/**
 * Part of a client of Prisma that tells it from the client of a transaction.
 *
 * @publicApi
 */
export interface PrismaRootClient extends PrismaQueries {
  $connect(): PromiseLike<void>;
}

const DIALECTS: Readonly<Record<string, OutboxDatabase['dialect']>> = {
  postgresql: 'postgres',
  mysql: 'mysql',
  sqlite: 'sqlite',
};
const ALLOWED = `a PrismaClient, with the provider ${Object.keys(DIALECTS).join(', ')}`;
/** Scopes of a transaction and its nested ones. Earlier versions of Prisma have none. One that ends is taken out. */
const SCOPES = Symbol.for('prisma.client.transaction.scope_context');
/** Code of Prisma's errors for a transaction that has ended. */
const ENDED = 'P2028';

/**
 * Returns the outbox's database for an application that uses Prisma, on PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A transaction is the client that `prisma.$transaction()` hands to its callback, also one with extensions. The form of
 * `$transaction()` that takes a list of queries has none.
 *
 * @param prisma the client of the application, from which the transactions are.
 * @throws {TasksConfigError} for anything but a client, and one of another database.
 * @example
 * ```ts
 * TasksModule.forRootAsync({
 *   inject: [PrismaService],
 *   useFactory: (prisma: PrismaService) => ({ queue: { url, outbox: { database: fromPrisma(prisma) } } }),
 * });
 *
 * await this.prisma.$transaction(async (tx) => {
 *   const order = await tx.order.create({ data });
 *   await this.queue.add(this.orders.process, { transaction: tx })(order.id);
 * });
 * ```
 * @publicApi
 */
export function fromPrisma(prisma: PrismaRootClient): OutboxDatabase {
  const dialect = dialectOf(prisma);
  return {
    dialect,
    transactions: 'the client that prisma.$transaction() hands to its callback',
    ...connectionOf(prisma, dialect),
    within: (transaction) => {
      if (!isTransaction(transaction) || engineOf(transaction) !== engineOf(prisma)) return undefined;
      const connection = connectionOf(transaction, dialect);
      const scopes = scopesOf(transaction);
      if (scopes === undefined) return whenOpen(transaction, connection);
      return whileOpen(() => scopes.scopeState.stack.includes(scopes.scopeId), connection);
    },
  };
}

function dialectOf(prisma: unknown): OutboxDatabase['dialect'] {
  if (!isObject(prisma) || !has(prisma, '$queryRawUnsafe', '$connect')) {
    throw new TasksConfigError('fromPrisma(prisma)', undefined, ALLOWED, describeType(prisma));
  }
  const { _activeProvider: provider } = prisma;
  const dialect = DIALECTS[String(provider)];
  if (dialect === undefined)
    throw new TasksConfigError('fromPrisma(prisma)', provider, ALLOWED, `a client of ${String(provider)}`);
  return dialect;
}

/** Tells the client of a transaction: Prisma hides from it what would leave the transaction. */
function isTransaction(value: unknown): value is PrismaQueries & LibraryObject {
  return isObject(value) && has(value, '$queryRawUnsafe', '$executeRawUnsafe') && !has(value, '$connect');
}

/** Returns what a client, its extensions and its transactions have in common. */
function engineOf(client: object): unknown {
  const { _engine: engine } = client as LibraryObject;
  return engine;
}

interface Scopes {
  readonly scopeId: string;
  readonly scopeState: { readonly stack: readonly string[] };
}

function scopesOf(transaction: object): Scopes | undefined {
  return Reflect.get(transaction, SCOPES) as Scopes | undefined;
}

/** Asks the database, since earlier versions of Prisma have no other way to tell a transaction that has ended. */
async function whenOpen(
  transaction: PrismaQueries,
  connection: OutboxConnection,
): Promise<OutboxConnection | undefined> {
  try {
    await transaction.$queryRawUnsafe('SELECT 1');
    return connection;
  } catch (error) {
    if (isObject(error) && error.code === ENDED) return undefined;
    throw error;
  }
}

function connectionOf(queries: PrismaQueries, dialect: OutboxDatabase['dialect']): OutboxConnection {
  const text = (statement: string) => (dialect === 'postgres' ? numbered(statement) : statement);
  return {
    query: async (statement, parameters) =>
      (await queries.$queryRawUnsafe(text(statement), ...parameters)) as OutboxRow[],
    execute: async (statement, parameters) => queries.$executeRawUnsafe(text(statement), ...parameters),
  };
}
