import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Catalogue } from './catalogue.service.js';
import { ImageStore } from './store.service.js';

/** A shield holds off a shutdown, not a crash: what one has left is cleared away before the first request comes. */
@Injectable()
export class CrashRecovery implements OnApplicationBootstrap {
  private readonly logger = new Logger(CrashRecovery.name);

  constructor(
    private readonly store: ImageStore,
    private readonly catalogue: Catalogue,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const leftovers = await this.store.sweep();
    const interrupted = this.catalogue.processing();
    for (const image of interrupted) {
      await this.store.discard(image.id); // moved to its final place, but never recorded as ready
      await this.catalogue.save({ ...image, status: 'failed', reason: 'the server stopped before it was processed' });
    }
    if (leftovers + interrupted.length > 0) {
      this.logger.warn(`Removed ${leftovers} temporary files; ${interrupted.length} images were never processed`);
    }
  }
}
