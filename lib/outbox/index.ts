export type {
  OutboxConnection,
  OutboxDatabase,
  OutboxRow,
  OutboxValue,
} from '../queue/broker/outbox/outbox-database.js';
export { fromPg, type PgPool, type PgQueries } from './from-pg.js';
