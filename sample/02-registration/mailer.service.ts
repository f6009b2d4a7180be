import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { DATA_DIR } from './data-dir.provider.js';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Stands in for a mail server: a file with a mail a line. */
@Injectable()
export class Mailer {
  constructor(@Inject(DATA_DIR) private readonly folder: string) {}

  async send(mail: Mail): Promise<void> {
    await appendFile(join(this.folder, 'outbox.jsonl'), `${JSON.stringify(mail)}\n`);
  }
}
