import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

export interface TrackedEvent {
  readonly userId: string;
  readonly event: string;
  readonly at: string;
}

/** Reads `{ userId, event }` from a request's body and adds the time. */
@Injectable()
export class TrackedEventPipe implements PipeTransform<unknown, TrackedEvent> {
  transform(body: unknown): TrackedEvent {
    const { userId, event } = (body ?? {}) as Record<string, unknown>;
    if (!isFilled(userId) || !isFilled(event)) {
      throw new BadRequestException('userId and event must be strings that are not empty');
    }
    return { userId, event, at: new Date().toISOString() };
  }
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
