import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { INDEX, pageFolder } from './page-folder.js';

/** File of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly tag: string;
  readonly body: Buffer;
}

/** Files that are served, with their types. No other name is ever joined with the folder. */
const TYPES: Readonly<Record<string, string>> = {
  [INDEX]: 'text/html; charset=utf-8',
  'assets/app.js': 'text/javascript; charset=utf-8',
  'assets/app.css': 'text/css; charset=utf-8',
  'assets/icon.svg': 'image/svg+xml',
};

/** Files of the page. Each is read once, when somebody asks for it. */
@Injectable()
export class PageFiles implements OnModuleInit {
  private readonly files = new Map<string, PageFile>();
  private folder = '';

  /** @throws {TasksUsageError} `PAGE_MISSING` */
  onModuleInit(): void {
    this.folder = this.find();
  }

  index(): PageFile {
    return this.read(INDEX);
  }

  /** Returns a file of the folder `assets`. */
  asset(name: string): PageFile | undefined {
    const path = `assets/${name}`;
    return Object.hasOwn(TYPES, path) ? this.read(path) : undefined;
  }

  private read(path: string): PageFile {
    let file = this.files.get(path);
    if (file === undefined) {
      const body = readFileSync(join(this.folder, path));
      const tag = `"${createHash('sha256').update(body).digest('base64url')}"`;
      file = { type: TYPES[path]!, tag, body };
      this.files.set(path, file);
    }
    return file;
  }

  /** Seam for tests of this library. */
  protected find(): string {
    return pageFolder();
  }
}
