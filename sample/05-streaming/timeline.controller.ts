import { Controller, Get } from '@nestjs/common';
import { Timeline, type TimelineEntry } from './timeline.service.js';

@Controller('timeline')
export class TimelineController {
  constructor(private readonly timeline: Timeline) {}

  @Get()
  list(): readonly TimelineEntry[] {
    return this.timeline.entries;
  }
}
