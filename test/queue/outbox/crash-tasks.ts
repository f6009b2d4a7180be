import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';

/** Runs of orders, in a file that all processes append to. */
export class OrderJournal {
  constructor(readonly file: string) {}

  write(order: string): void {
    appendFileSync(this.file, `${process.pid} ${order}\n`);
  }

  /** Returns the number of runs of an order, in this process or in others. */
  runs(order: string): number {
    const lines = existsSync(this.file) ? readFileSync(this.file, 'utf8').split('\n') : [];
    return lines.filter((line) => line.split(' ')[1] === order).length;
  }
}

@Injectable()
export class CrashTasks {
  /** Called by each run. */
  begun: () => void = () => {};

  constructor(private readonly journal: OrderJournal) {}

  @Durable('orders.process')
  process(order: string): string {
    this.journal.write(order);
    this.begun();
    return `processed ${order}`;
  }
}
