import { Body, Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { Tasks, TasksService } from 'nestjs-tasks';
import { EventBuffer } from './event-buffer.service.js';
import { TrackedEventPipe, type TrackedEvent } from './tracked-event.pipe.js';

@Controller()
export class AnalyticsController {
  constructor(private readonly buffer: EventBuffer) {}

  // The request's tasks come as a parameter: TasksService in the constructor would make the controller, and so every
  // request of this busy route, pay for a new instance.
  @Post('track')
  @HttpCode(HttpStatus.ACCEPTED)
  track(@Body(TrackedEventPipe) event: TrackedEvent, @Tasks() tasks: TasksService): void {
    this.buffer.add(event, tasks);
  }
}
