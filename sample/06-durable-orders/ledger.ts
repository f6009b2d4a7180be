import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

/** The token of the ledger's file. */
export const LEDGER_FILE = Symbol('LEDGER_FILE');

/** What one run of one execution has come to. */
export interface Entry {
  /** The execution's. */
  readonly key: string;
  readonly event: 'started' | 'done';
  readonly pid: number;
}

/**
 * The database of this sample, which all processes see: a file that is only ever appended to, one entry a line. A line is
 * one write, which kill -9 does not cut in two.
 */
@Injectable()
export class Ledger implements OnModuleInit {
  constructor(@Inject(LEDGER_FILE) private readonly file: string) {}

  async onModuleInit(): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
  }

  async write(key: string, event: Entry['event']): Promise<void> {
    const entry: Entry = { key, event, pid: process.pid };
    await appendFile(this.file, `${JSON.stringify(entry)}\n`);
  }

  async entries(): Promise<Entry[]> {
    const text = await readFile(this.file, { encoding: 'utf8', flag: 'a+' });
    const lines = text.split('\n').slice(0, -1); // the end of the last line, and what is being written behind it
    return lines.map((line) => JSON.parse(line) as Entry);
  }

  /** The keys of all that is done and begins with `prefix`. */
  async done(prefix = ''): Promise<Set<string>> {
    const entries = await this.entries();
    return new Set(
      entries.filter(({ key, event }) => event === 'done' && key.startsWith(prefix)).map(({ key }) => key),
    );
  }
}
