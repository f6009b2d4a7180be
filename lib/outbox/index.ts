export type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
export { fromDrizzle, type DrizzleDatabase } from './from-drizzle.js';
export { fromKnex, type KnexInstance } from './from-knex.js';
export { fromKysely, type KyselyInstance } from './from-kysely.js';
export { fromMikroOrm, type MikroOrmManager } from './from-mikro-orm.js';
export { fromMysql2, type Mysql2Pool } from './from-mysql2.js';
export { fromPg, type PgPool } from './from-pg.js';
export { fromPrisma, type PrismaQueries, type PrismaRootClient } from './from-prisma.js';
export { fromSqlite, type SqliteDatabase } from './from-sqlite.js';
export { fromTypeOrm, type TypeOrmDataSource, type TypeOrmQueryRunner } from './from-typeorm.js';
export { OutboxTransactionError } from './outbox-errors.js';
export { outboxSchema } from '../queue/broker/outbox/outbox-schema.js';
