import { mkdirSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';

/** The folders: `uploads` for what is not finished, `images/<id>` for what is. One process owns them. */
@Injectable()
export class ImageStore {
  readonly root = resolve(process.env.DATA_DIR ?? '.data/03-images');
  readonly uploads = join(this.root, 'uploads');
  readonly images = join(this.root, 'images');

  constructor() {
    mkdirSync(this.uploads, { recursive: true });
    mkdirSync(this.images, { recursive: true });
  }

  upload(id: string): string {
    return join(this.uploads, id);
  }

  /**
   * Puts the upload under the name `original`, and `files`, into the image's final folder. They are gathered in a
   * draft folder and moved in one rename: nobody ever sees half an image.
   */
  async publish(id: string, original: string, files: Record<string, Buffer>): Promise<void> {
    const draft = this.draft(id);
    await mkdir(draft);
    for (const [name, content] of Object.entries(files)) await writeFile(join(draft, name), content);
    await rename(this.upload(id), join(draft, original));
    await rename(draft, join(this.images, id));
  }

  /** Removes whatever there is of an image. */
  async discard(id: string): Promise<void> {
    for (const path of [this.upload(id), this.draft(id), join(this.images, id)]) {
      await rm(path, { recursive: true, force: true });
    }
  }

  /** Removes what is not finished and, when nothing runs yet, never will be. */
  async sweep(): Promise<number> {
    const leftovers = await readdir(this.uploads);
    for (const name of leftovers) await rm(join(this.uploads, name), { recursive: true, force: true });
    return leftovers.length;
  }

  /** Beside the uploads: a rename works within one file system only. */
  private draft(id: string): string {
    return `${this.upload(id)}.draft`;
  }
}
