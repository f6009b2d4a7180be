import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Durable, TaskQueue, TasksModule } from 'nestjs-tasks';
import { TasksDashboardModule } from 'nestjs-tasks/dashboard';
import { ADAPTERS } from './adapters.js';
import { check, scenario } from './check.js';

@Injectable()
class Reports {
  @Durable('reports.build')
  build(month: string): string {
    return month;
  }
}

@Module({
  imports: [TasksModule.forRoot({ queue: {} }), TasksDashboardModule.forRoot({ unprotected: true })],
  providers: [Reports],
})
class AppModule {}

/** Event stream of a page, on a connection of its own. */
async function* eventsOf(url: string): AsyncGenerator<string> {
  const [stream] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const parts = (text + String(chunk)).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, event] = /^event: (\w+)/.exec(part) ?? [];
      if (event !== undefined) yield event;
    }
  }
}

async function checkAdapter(name: string): Promise<void> {
  const app = await NestFactory.create(AppModule, ADAPTERS[name]!(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/tasks`;
  const execution = await app.get(TaskQueue).add(app.get(Reports).build, { key: 'june' })('June');
  await execution.result();

  await check(
    `${name}: the page has its files`,
    ['200', 'icon.svg 200', 'app.js 200', 'app.css 200'],
    async (write) => {
      const page = await fetch(url); // leads to the first view
      write(String(page.status));
      for (const [, path] of (await page.text()).matchAll(/(?:href|src)="(\.\/assets\/[^"]+)"/g)) {
        const file = await fetch(new URL(path!, page.url));
        write(`${path!.replace('./assets/', '')} ${(await file.text()) === '' ? 'is empty' : file.status}`);
      }
    },
  );

  await check(`${name}: a view shows the execution`, ['june reports.build completed'], async (write) => {
    const answer = await fetch(`${url}/api/v1/executions?state=completed`);
    const { executions } = (await answer.json()) as { executions: { key: string; task: string; state: string }[] };
    for (const { key, task, state } of executions) write(`${key} ${task} ${state}`);
  });

  await check(`${name}: an action is done`, ['{"result":"forgotten"}', 'undefined'], async (write) => {
    const answer = await fetch(`${url}/api/v1/forget`, {
      method: 'POST',
      headers: { 'x-nestjs-tasks': '1', 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'june' }),
    });
    write(await answer.text());
    write(String(await app.get(TaskQueue).get('june')));
  });

  await check(`${name}: close() ends an open stream`, ['summary', 'view', 'closed', 'closing'], async (write) => {
    const events = eventsOf(`${url}/api/v1/stream?view=stats`);
    for (const expected of ['summary', 'view']) {
      const { value } = await events.next();
      write(value === expected ? value : `${value} for ${expected}`);
    }
    await app.close();
    write('closed');
    for await (const event of events) write(event);
  });
}

void scenario(async () => {
  for (const name of Object.keys(ADAPTERS)) await checkAdapter(name);
});
