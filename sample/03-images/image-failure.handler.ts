import { Injectable } from '@nestjs/common';
import type { Task, TaskErrorHandler } from 'nestjs-tasks';
import { Catalogue } from './catalogue.service.js';
import { UnreadableImageError } from './image.renditions.js';
import type { Image } from './image.js';
import { ImageStore } from './store.service.js';

/** Runs when `finalize` has failed, under the same shield. The library has logged the error by then. */
@Injectable()
export class ImageFailureHandler implements TaskErrorHandler {
  constructor(
    private readonly store: ImageStore,
    private readonly catalogue: Catalogue,
  ) {}

  async onTaskError(task: Task, error: unknown): Promise<void> {
    const image = task.args[0] as Image;
    const reason = error instanceof UnreadableImageError ? error.message : 'the image could not be stored';
    try {
      await this.store.discard(image.id);
    } finally {
      await this.catalogue.save({ ...image, status: 'failed', reason });
    }
  }
}
