import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { FORMAT } from '../package/build.js';
import { ownUrl } from '../package/places.js';
import { TasksUsageError } from '../task/usage-errors.js';

/** File of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly tag: string;
  readonly body: Buffer;
}

const INDEX = 'index.html';
/** Files that are served, with their types. No other name is ever joined with the folder. */
const TYPES: Readonly<Record<string, string>> = {
  [INDEX]: 'text/html; charset=utf-8',
  'assets/app.js': 'text/javascript; charset=utf-8',
  'assets/app.css': 'text/css; charset=utf-8',
  'assets/icon.svg': 'image/svg+xml',
};

/** Folders of the page, seen from the file with this code: lib/package/, dist/ or dist/cjs/. */
const FOLDERS = FORMAT === 'source' ? ['../../dist/dashboard/page/'] : ['./dashboard/page/', '../dashboard/page/'];

/** Files of the page. Each is read once, when somebody asks for it. */
@Injectable()
export class PageFiles implements OnModuleInit {
  private readonly files = new Map<string, PageFile>();
  private folder: URL | undefined;

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
      const body = readFileSync(new URL(path, this.folder));
      const tag = `"${createHash('sha256').update(body).digest('base64url')}"`;
      file = { type: TYPES[path]!, tag, body };
      this.files.set(path, file);
    }
    return file;
  }

  /** Finds the folder. Seam for tests of this library. */
  protected find(): URL {
    const own = ownUrl();
    const folders = own?.startsWith('file:') === true ? FOLDERS.map((folder) => new URL(folder, own)) : [];
    const found = folders.find((folder) => existsSync(new URL(INDEX, folder)));
    if (found !== undefined) return found;
    const remedy =
      FORMAT === 'source'
        ? 'Run npm run build.'
        : 'A bundled application marks nestjs-tasks as external, and ships its node_modules. See docs/bundling.md';
    throw new TasksUsageError('PAGE_MISSING', `The files of the dashboard's page are not beside its code. ${remedy}`);
  }
}
