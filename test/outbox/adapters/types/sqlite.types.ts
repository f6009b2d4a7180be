import type BetterSqlite3 from 'better-sqlite3';
import { DatabaseSync } from 'node:sqlite';
import Libsql from 'libsql';
import { fromSqlite } from 'nestjs-tasks/outbox';

declare const better: BetterSqlite3.Database;
fromSqlite(better);
fromSqlite(new Libsql(':memory:'));
fromSqlite(new DatabaseSync(':memory:'));
// @ts-expect-error A path is no database.
fromSqlite('orders.db');
