import { once } from 'node:events';
import type http from 'node:http';
import net, { type Socket } from 'node:net';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, Gate, send, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { until } from '../support/until.js';

type AnyResponse = http.ServerResponse & { raw?: http.ServerResponse };

let goOn: Gate;

@Controller()
class EndsController {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get('slow')
  async slow(@Tasks() tasks: TasksService, @Res({ passthrough: true }) response: AnyResponse) {
    (response.raw ?? response).setHeader('Connection', 'close');
    tasks.afterResponse.schedule(this.journal.write, 'slow');
    await goOn.passed;
    return 'slow';
  }

  @Get('fast')
  fast(@Tasks() tasks: TasksService) {
    tasks.afterResponse.task({ pool: 'mail' }).schedule(this.journal.write, 'fast');
    return 'fast';
  }
}

const requestFor = (path: string): string => `GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

describe.each(ADAPTERS)('a response on %s', (_name, adapter) => {
  let test: WatchedApp;
  let journal: Journal;

  beforeEach(async () => {
    goOn = new Gate();
    test = await startApp(
      { controllers: [EndsController], providers: [Journal] },
      { pools: { mail: { concurrency: 1, maxQueue: 5 } } },
      adapter,
    );
    journal = test.app.get(Journal);
  });
  afterEach(() => test.app.close());

  /** A client that sends all requests at once. */
  function pipeline(...paths: string[]): Socket {
    const client = net.connect(Number(new URL(test.url).port), '127.0.0.1');
    client.on('error', () => {});
    client.write(paths.map(requestFor).join(''));
    client.resume();
    return client;
  }

  const scheduled = (count: number): Promise<unknown> =>
    until(() => test.scheduler.counts.scheduled === count, `${count} tasks`);

  it('that waits for its turn on a connection ends when its client leaves', async () => {
    const client = pipeline('slow', 'fast', 'fast');
    await scheduled(3);
    client.destroy();
    goOn.pass();
    await test.tasks.idle();
    expect(journal.take().toSorted()).toEqual(['fast', 'fast', 'slow']);
  });

  it('that waits for its turn ends when the one before it closes the connection', async () => {
    const client = pipeline('slow', 'fast');
    await scheduled(2);
    goOn.pass();
    await once(client, 'close');
    await test.tasks.idle();
    expect(journal.take()).toEqual(['slow', 'fast']);
  });

  it('that waits for its turn keeps no place in a pool for ever, and adds no listener of its own to the connection', async () => {
    const connected = once(test.app.getHttpServer(), 'connection');
    const client = pipeline('slow', ...Array.from({ length: 14 }, () => 'fast'));
    const [socket] = (await connected) as [Socket];
    await until(() => test.scheduler.pools.mail!.held === 6, 'a full pool');
    expect(socket.listenerCount('close')).toBeLessThan(10); // Node.js warns of more than ten
    client.destroy();
    goOn.pass();
    await test.tasks.idle();
    expect(test.scheduler.pools.mail).toMatchObject({ running: 0, waiting: 0, held: 0 });
    expect((await send(`${test.url}/fast`)).status).toBe(200);
  });

  it('that is read to its end in its turn is told of once', async () => {
    const client = pipeline('fast', 'fast', 'slow');
    await until(() => journal.entries.length === 2, 'the first two');
    goOn.pass();
    await once(client, 'close');
    await test.tasks.idle();
    expect(journal.take()).toEqual(['fast', 'fast', 'slow']);
  });
});
