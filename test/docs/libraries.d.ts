// Small parts of libraries that the documentation shows and the root does not install: their real types are checked by
// test/outbox/adapters. Seen by the check of the documentation alone.

declare module 'typeorm' {
  export interface EntityManager {
    save(entity: object): Promise<object>;
  }
  export abstract class DataSource {
    readonly options: { readonly type: string };
    readonly driver: object;
    createQueryRunner(mode?: 'master'): import('nestjs-tasks/outbox').TypeOrmQueryRunner;
    transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  }
}

declare module 'drizzle-orm/node-postgres' {
  interface Database {
    select(): object;
    insert(table: object): { values(row: object): Promise<void> };
    transaction<T>(work: (tx: Database) => Promise<T>): Promise<T>;
  }
  export function drizzle(url: string): Database;
}

declare module '@prisma/client' {
  interface Queries extends Pick<
    import('nestjs-tasks/outbox').PrismaRootClient,
    '$queryRawUnsafe' | '$executeRawUnsafe'
  > {
    readonly order: { create(options: { data: object }): Promise<{ id: string }> };
  }
  export class PrismaClient implements Queries {
    readonly order: Queries['order'];
    $queryRawUnsafe: Queries['$queryRawUnsafe'];
    $executeRawUnsafe: Queries['$executeRawUnsafe'];
    $connect(): Promise<void>;
    $transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  }
}

declare module 'kysely' {
  export class Kysely<Tables> {
    constructor(options: { dialect: object });
    getExecutor(): { readonly adapter: object };
    withoutPlugins(): Kysely<Tables>;
    insertInto<Name extends keyof Tables>(name: Name): { values(row: Tables[Name]): { execute(): Promise<object[]> } };
    transaction(): { execute<T>(work: (trx: Kysely<Tables>) => Promise<T>): Promise<T> };
  }
}

declare module 'knex' {
  interface Knex {
    (table: string): { insert(row: object): Promise<number[]> };
    readonly raw: unknown;
    readonly client: unknown;
    transaction<T>(work: (trx: Knex) => Promise<T>): Promise<T>;
  }
  export default function knex(options: { client: string; connection: string }): Knex;
}

declare module '@mikro-orm/core' {
  export abstract class EntityManager {
    getConnection(): object;
    getDriver(): { getPlatform(): object };
    getTransactionContext(): unknown;
    persist(entity: object): this;
    transactional<T>(work: (em: EntityManager) => Promise<T>): Promise<T>;
  }
  export abstract class MikroORM {
    readonly em: EntityManager;
  }
}

declare module 'better-sqlite3' {
  export default class Database {
    constructor(file: string);
    prepare(statement: string): { run(...parameters: unknown[]): { changes: number } };
    exec(statement: string): this;
    transaction(work: () => void): () => void;
  }
}

declare module '@nestjs-cls/transactional' {
  export function Transactional(): MethodDecorator;
}
