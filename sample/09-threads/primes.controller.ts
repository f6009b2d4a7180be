import { Controller, Get, Param, ParseEnumPipe, ParseIntPipe, ServiceUnavailableException } from '@nestjs/common';
import { PrimesTasks } from './primes.tasks.js';

/** Where to count. */
export enum Place {
  Thread = 'thread',
  EventLoop = 'event-loop',
}

@Controller()
export class PrimesController {
  constructor(private readonly tasks: PrimesTasks) {}

  /** What other clients want meanwhile. */
  @Get('ping')
  ping(): string {
    return 'pong';
  }

  @Get('primes/:below/:place')
  async count(
    @Param('below', ParseIntPipe) below: number,
    @Param('place', new ParseEnumPipe(Place)) place: Place,
  ): Promise<number> {
    const task = place === Place.Thread ? this.tasks.countInThread(below) : this.tasks.countOnEventLoop(below);
    const outcome = await task.done;
    if (outcome.status === 'succeeded') return outcome.value;
    throw new ServiceUnavailableException(`The count has ${outcome.status}`, { cause: outcome.error });
  }
}
