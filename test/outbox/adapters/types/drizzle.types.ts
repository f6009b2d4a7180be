import { drizzle as libsql } from 'drizzle-orm/libsql';
import { drizzle as mysql2 } from 'drizzle-orm/mysql2';
import { drizzle as nodePostgres } from 'drizzle-orm/node-postgres';
import { pgTable, text, withReplicas } from 'drizzle-orm/pg-core';
import { drizzle as postgresJs } from 'drizzle-orm/postgres-js';
import { Pool } from 'pg';
import { fromDrizzle } from 'nestjs-tasks/outbox';

const orders = pgTable('orders', { note: text() });
const db = nodePostgres(new Pool(), { schema: { orders } });

fromDrizzle(db);
fromDrizzle(withReplicas(db, [db]));
fromDrizzle(postgresJs('postgres://127.0.0.1'));
fromDrizzle(mysql2('mysql://127.0.0.1'));
fromDrizzle(libsql('file:orders.db'));
// @ts-expect-error A pool is no database of Drizzle.
fromDrizzle(new Pool());
// @ts-expect-error A url is no database.
fromDrizzle('postgres://127.0.0.1');
