import type { MikroORM } from '@mikro-orm/core';
import type { EntityManager as MikroEntityManager } from '@mikro-orm/postgresql';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Knex } from 'knex';
import type { ControlledTransaction, Kysely, Transaction } from 'kysely';
import type { Pool as Mysql2Pool, PoolConnection } from 'mysql2/promise';
import type { DatabaseSync } from 'node:sqlite';
import type { Pool, PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Agenda, TaskQueue, TaskQueueOptions } from 'nestjs-tasks';
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromMikroOrm,
  fromMysql2,
  fromPg,
  fromPrisma,
  fromSqlite,
  fromTypeOrm,
} from 'nestjs-tasks/outbox';
import type { Prisma, PrismaClient } from '../prisma/generated/postgresql/client/client.ts';

interface Tables {
  orders: { id: string };
}

declare const databases: {
  drizzle: NodePgDatabase;
  knex: Knex;
  kysely: Kysely<Tables>;
  mikroOrm: MikroORM;
  mysql2: Mysql2Pool;
  pg: Pool;
  prisma: PrismaClient;
  sqlite: DatabaseSync;
  typeOrm: DataSource;
};

/** The option `outbox` takes what each function returns. */
export const options: TaskQueueOptions[] = [
  { outbox: { database: fromDrizzle(databases.drizzle) } },
  { outbox: { database: fromKnex(databases.knex) } },
  { outbox: { database: fromKysely(databases.kysely) } },
  { outbox: { database: fromMikroOrm(databases.mikroOrm) } },
  { outbox: { database: fromMysql2(databases.mysql2) } },
  { outbox: { database: fromPg(databases.pg) } },
  { outbox: { database: fromPrisma(databases.prisma) } },
  { outbox: { database: fromSqlite(databases.sqlite) } },
  { outbox: { database: fromTypeOrm(databases.typeOrm) } },
];

declare const transactions: {
  drizzle: Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0];
  knex: Knex.Transaction;
  kysely: Transaction<Tables>;
  controlled: ControlledTransaction<Tables>;
  mikroOrm: MikroEntityManager;
  mysql2: PoolConnection;
  pg: PoolClient;
  prisma: Prisma.TransactionClient;
  sqlite: DatabaseSync;
  typeOrm: EntityManager;
  queryRunner: QueryRunner;
  current: 'current';
};
declare const transaction: (typeof transactions)[keyof typeof transactions];
declare const queue: TaskQueue;
declare const agenda: Agenda;
declare const process: (id: string) => Promise<void>;

/** The option `transaction` takes what each library hands out, everywhere. */
export async function add(): Promise<void> {
  const execution = await queue.add(process, { transaction })('a');
  await queue.replace(process, { key: 'a', when: 0, transaction })('a');
  await queue.after([execution]).add(process, { transaction })('a');
  await agenda.scatter({ over: '1m', transaction });
  // @ts-expect-error A text is no transaction.
  await queue.add(process, { transaction: 'BEGIN' })('a');
}
