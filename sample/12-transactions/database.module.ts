import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'libsql';

export const DATABASE = Symbol('DATABASE');

/** Opens the file, and makes the tables of the shop. Those of the outbox are made by the library. */
function openDatabase(): Database.Database {
  const folder = process.env['DATA_DIR'] ?? '.data/12-transactions';
  mkdirSync(folder, { recursive: true });
  const db = new Database(join(folder, 'shop.db'));
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS orders (
      id TEXT PRIMARY KEY,
      book TEXT NOT NULL,
      status TEXT NOT NULL DEFAULT 'placed',
      runs INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS stock (book TEXT PRIMARY KEY, copies INTEGER NOT NULL CHECK (copies >= 0));
    INSERT OR IGNORE INTO stock VALUES ('Promises and How to Keep Them', 10000), ('Out of Print', 0);
  `);
  return db;
}

@Global()
@Module({ providers: [{ provide: DATABASE, useFactory: openDatabase }], exports: [DATABASE] })
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly db: Database.Database) {}

  /** The queue has ended by then: its hooks come before those of other modules. */
  onApplicationShutdown(): void {
    this.db.close();
  }
}
