import { Inject, Injectable } from '@nestjs/common';
import type Database from 'libsql';
import { DATABASE } from './database.module.js';
import type { Order, OrderRequest } from './order.js';

/** Statements of the shop. */
@Injectable()
export class OrdersStore {
  constructor(@Inject(DATABASE) private readonly db: Database.Database) {}

  insert({ id, book }: OrderRequest): void {
    this.db.prepare('INSERT INTO orders (id, book) VALUES (?, ?)').run(id, book);
  }

  /** @throws the error of SQLite where the book is sold out: `CHECK (copies >= 0)` fails. */
  takeFromStock(book: string): void {
    this.db.prepare('UPDATE stock SET copies = copies - 1 WHERE book = ?').run(book);
  }

  ship(id: string): void {
    this.db.prepare("UPDATE orders SET status = 'shipped', runs = runs + 1 WHERE id = ?").run(id);
  }

  find(id: string): Order | undefined {
    const [order] = this.db.prepare('SELECT * FROM orders WHERE id = ?').all(id) as Order[];
    return order;
  }

  /** Returns the newest first. */
  list(): Order[] {
    return this.db.prepare('SELECT * FROM orders ORDER BY rowid DESC LIMIT 50').all() as Order[];
  }

  books(): string[] {
    return (this.db.prepare('SELECT book FROM stock').all() as { book: string }[]).map(({ book }) => book);
  }
}
