import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { context, propagation, trace } from '@opentelemetry/api';
import { Shielded, type Task } from 'nestjs-tasks';

const tracer = trace.getTracer('shop');

/** Something that takes a while and has a span of its own, as a call of another service has. */
async function call(service: string, milliseconds: number): Promise<void> {
  const tenant = propagation.getBaggage(context.active())?.getEntry('tenant')?.value ?? 'nobody';
  await tracer.startActiveSpan(service, { attributes: { tenant } }, async (span) => {
    await setTimeout(milliseconds);
    span.end();
  });
}

/** Once more, a little later. */
export async function retryOnce(task: Task): Promise<void> {
  await setTimeout(30, undefined, { signal: task.signal });
  await task.retry();
}

@Injectable()
export class OrderTasks {
  private hasFailed = false;

  @Shielded()
  async charge(_orderId: string): Promise<void> {
    await call('PUT bank', 150);
  }

  async audit(_orderId: string): Promise<void> {
    await call('INSERT audit', 20);
  }

  async sendReceipt(_email: string): Promise<void> {
    await call('SEND mail', 40);
    if (this.hasFailed) return;
    this.hasFailed = true;
    throw new Error('the mail server is busy');
  }
}
