import type { DynamicModule, INestApplication, INestApplicationContext } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { TaskScheduler } from 'nestjs-tasks';
import { ADAPTERS } from './adapters.js';
import { check, scenario } from './check.js';
import { send } from './client.js';
import { expectedLines, groupHooks, Scene, SETUPS, worstOrder, type Setup } from './worst-order.js';

const CONTEXTS: Record<string, (module: DynamicModule) => Promise<INestApplicationContext>> = {
  'NestFactory.createApplicationContext()': (module) => NestFactory.createApplicationContext(module, { logger: false }),
  'Test.createTestingModule()': async (module) => {
    const testing = await Test.createTestingModule({ imports: [module] }).compile();
    return testing.init();
  },
};

const SERVERS: Record<string, (module: DynamicModule, adapter: AbstractHttpAdapter) => Promise<INestApplication>> = {
  'NestFactory.create()': (module, adapter) => NestFactory.create(module, adapter, { logger: false }),
  'Test.createTestingModule().createNestApplication()': async (module, adapter) => {
    const testing = await Test.createTestingModule({ imports: [module] }).compile();
    return testing.createNestApplication(adapter, { logger: false });
  },
};

async function checkContext(setup: Setup, host: string): Promise<void> {
  const expected = [...expectedLines({ withRequest: false }), 'closed'];
  await check(
    `close() of ${host} with ${setup}`,
    expected,
    async (write) => {
      const scene = new Scene(write);
      const context = await CONTEXTS[host]!(worstOrder(setup, scene));
      const scheduler = context.get(TaskScheduler, { strict: false });
      scene.startTasks(scheduler);
      scene.release.pass();
      await context.close();
      write('closed');
    },
    groupHooks,
  );
}

async function checkServer(setup: Setup, host: string, adapter: string): Promise<void> {
  const expected = [...expectedLines({ withRequest: true }), 'closed', '200 served'];
  await check(
    `close() of ${host} on ${adapter} with ${setup}`,
    expected,
    async (write) => {
      const scene = new Scene(write);
      const app = await SERVERS[host]!(worstOrder(setup, scene), ADAPTERS[adapter]!());
      await app.listen(0, '127.0.0.1');
      scene.startTasks(app.get(TaskScheduler, { strict: false }));
      const reply = send(await app.getUrl());
      await scene.requestArrived.passed;
      scene.release.pass();
      await app.close();
      write('closed');
      write(await reply);
    },
    groupHooks,
  );
}

void scenario(async () => {
  for (const setup of Object.keys(SETUPS) as Setup[]) {
    for (const host of Object.keys(CONTEXTS)) await checkContext(setup, host);
    for (const host of Object.keys(SERVERS)) {
      for (const adapter of Object.keys(ADAPTERS)) await checkServer(setup, host, adapter);
    }
  }
});
