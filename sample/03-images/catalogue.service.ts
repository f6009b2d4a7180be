import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Image } from './image.js';
import { ImageStore } from './store.service.js';

/** Stands in for a database: all images in one JSON file. */
@Injectable()
export class Catalogue implements OnModuleInit {
  private readonly path: string;
  private images: ReadonlyMap<string, Image> = new Map();
  private lastSave: Promise<void> = Promise.resolve();

  constructor(store: ImageStore) {
    this.path = join(store.root, 'catalogue.json');
  }

  async onModuleInit(): Promise<void> {
    const json = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    this.images = new Map((JSON.parse(json) as Image[]).map((image) => [image.id, image]));
  }

  find(id: string): Image | undefined {
    return this.images.get(id);
  }

  processing(): Image[] {
    return [...this.images.values()].filter(({ status }) => status === 'processing');
  }

  /** Resolves when it is on disk; rejects, and changes nothing, when it could not be written. */
  save(image: Image): Promise<void> {
    // One after the other: each save writes the whole file.
    const saved = this.lastSave.then(() => this.write(new Map(this.images).set(image.id, image)));
    this.lastSave = saved.catch(() => {});
    return saved;
  }

  private async write(images: ReadonlyMap<string, Image>): Promise<void> {
    const draft = `${this.path}.draft`;
    await writeFile(draft, JSON.stringify([...images.values()], null, 2));
    await rename(draft, this.path);
    this.images = images;
  }
}
