import { Controller, Get, Injectable, Param, Post } from '@nestjs/common';
import { Durable, TaskQueue, TasksService } from 'nestjs-tasks';

@Injectable()
export class MailService {
  readonly sent: string[] = [];

  send(to: string): void {
    this.sent.push(to);
  }

  @Durable('mail.count')
  count(letters: number): number {
    return this.sent.length + letters;
  }
}

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly tasks: TasksService,
    private readonly queue: TaskQueue,
    private readonly mail: MailService,
  ) {}

  @Post(':customer')
  order(@Param('customer') customer: string): string {
    this.tasks.afterResponse.schedule(this.mail.send, customer);
    return `ordered, ${this.mail.sent.length} sent`;
  }

  @Get('sent')
  async sent(): Promise<string> {
    const execution = await this.queue.add(this.mail.count)(41);
    return `${this.mail.sent.join()}, ${await execution.result()}`;
  }
}
