import { Controller, Sse, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { Timeline } from './timeline.js';

@Controller('timeline')
export class TimelineController {
  constructor(private readonly timeline: Timeline) {}

  @Sse()
  watch(): Observable<MessageEvent> {
    return this.timeline.entries$;
  }
}
