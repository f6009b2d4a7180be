import { once } from 'node:events';
import http2 from 'node:http2';
import { Controller, Get, Inject } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { expect, it } from '@jest/globals';
import { Tasks, TasksService } from 'nestjs-tasks';
import { Gate, startApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

const [entered, left] = [new Gate(), new Gate()];

@Controller()
class Http2Controller {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get()
  get(@Tasks() tasks: TasksService) {
    tasks.afterResponse.schedule(this.journal.write, 'after-response');
    tasks.afterRoute.schedule(this.journal.write, 'after-route');
  }

  @Get('slow')
  async slow(@Tasks() tasks: TasksService) {
    entered.pass();
    await left.passed;
    this.get(tasks); // the first tasks, when the stream has long been closed
  }
}

it('runs both batches over HTTP/2, also when the client has gone before they were used', async () => {
  const adapter = (): never => new FastifyAdapter({ http2: true } as never) as never;
  await using test = await startApp({ controllers: [Http2Controller], providers: [Journal] }, {}, adapter);
  const journal = test.app.get(Journal);
  const client = http2.connect(test.url);
  try {
    await once(client.request({ ':path': '/' }).resume(), 'close');
    await test.tasks.idle();
    expect(journal.take()).toEqual(['after-route', 'after-response']);

    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const stream = client.request({ ':path': '/slow' });
    stream.on('error', () => {});
    await entered.passed;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await closed;
    left.pass();
    await new Promise(setImmediate); // the handler goes on
    await test.tasks.idle();
    expect(journal.take()).toEqual(['after-route', 'after-response']);
  } finally {
    client.close();
  }
});
