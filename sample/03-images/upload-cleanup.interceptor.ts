import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { TasksService } from 'nestjs-tasks';
import type { Observable } from 'rxjs';
import { ImageStore } from './store.service.js';

/**
 * Removes an upload whose request fails after its file was written: in a pipe, so that the handler never hears of it,
 * or in the handler itself. An interceptor is injected rather than given `@Tasks()`, which makes it and its controller
 * request-scoped; that costs nothing beside an upload.
 */
@Injectable()
export class UploadCleanupInterceptor implements NestInterceptor {
  constructor(
    private readonly tasks: TasksService,
    private readonly store: ImageStore,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { file } = context.switchToHttp().getRequest<Request>();
    if (file !== undefined) {
      this.tasks.afterResponse
        .task({ name: `discard_${file.filename}`, runOn: 'error', shield: true })
        .schedule(this.store.discard, file.filename);
    }
    return next.handle();
  }
}
