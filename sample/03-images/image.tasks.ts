import { Injectable } from '@nestjs/common';
import { OnTaskError, Shielded } from 'nestjs-tasks';
import { Catalogue } from './catalogue.service.js';
import { ImageFailureHandler } from './image-failure.handler.js';
import { render } from './image.renditions.js';
import type { Image } from './image.js';
import { ImageStore } from './store.service.js';

@Injectable()
export class ImageTasks {
  constructor(
    private readonly store: ImageStore,
    private readonly catalogue: Catalogue,
  ) {}

  /** Shielded: a deploy in the middle would leave an image that the client was promised, and that never comes. */
  @Shielded()
  @OnTaskError(ImageFailureHandler)
  async finalize(image: Image): Promise<void> {
    const { id } = image;
    const { format, thumbnail, web } = await render(this.store.upload(id));
    const original = `original.${format}`;
    await this.store.publish(id, original, { 'thumbnail.webp': thumbnail, 'web.webp': web });
    await this.catalogue.save({ ...image, status: 'ready', files: [original, 'thumbnail.webp', 'web.webp'] });
  }
}
