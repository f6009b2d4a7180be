import { once } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { Field, ObjectType, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Tasks, TasksService } from 'nestjs-tasks';
import { WebSocket } from 'ws';
import { until } from '../support/until.js';
import { startGraphql, type GraphqlApp } from './graphql-app.js';
import { Stage } from './stage.js';

@ObjectType()
class Tick {
  @Field(() => String)
  id!: string;
}

@Resolver(() => Tick)
class TickResolver {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @Query(() => String)
  a(@Tasks() tasks: TasksService): unknown {
    return this.stage.play('a', tasks);
  }

  @Query(() => String, { nullable: true })
  b(@Tasks() tasks: TasksService): unknown {
    return this.stage.play('b', tasks);
  }

  @Subscription(() => Tick)
  ticks(@Tasks() tasks: TasksService): AsyncIterable<object> {
    this.stage.play('ticks', tasks);
    return this.emit();
  }

  @ResolveField(() => String)
  detail(@Tasks() tasks: TasksService): unknown {
    return this.stage.play('detail', tasks);
  }

  private async *emit(): AsyncIterable<object> {
    for (const id of ['1', '2']) {
      await macrotask();
      this.stage.journal.write(`tick ${id}`);
      yield { ticks: { id } };
    }
  }
}

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: { data?: unknown };
}

/** Speaks graphql-transport-ws, and returns what came until the operation was over. */
async function ask(client: WebSocket, query: string, id = '1'): Promise<unknown[]> {
  const received: unknown[] = [];
  const isOver = new Promise<void>((resolve) => {
    const hear = (text: Buffer): void => {
      const { type, id: of, payload } = JSON.parse(text.toString('utf8')) as Message;
      if (of !== id) return;
      if (type === 'next') received.push(payload?.data);
      if (type !== 'next') {
        client.off('message', hear);
        resolve();
      }
    };
    client.on('message', hear);
  });
  client.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }));
  await isOver;
  return received;
}

describe('GraphQL over a WebSocket (graphql-ws)', () => {
  let test: GraphqlApp;
  let client: WebSocket;
  beforeEach(async () => {
    test = await startGraphql({ providers: [TickResolver] }, { subscriptions: { 'graphql-ws': true } });
    client = new WebSocket(`${test.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(client, 'open');
    client.send(JSON.stringify({ type: 'connection_init' }));
    await once(client, 'message');
  });
  afterEach(async () => {
    client.terminate();
    await test.app.close();
  });

  it('starts the tasks of a subscription when it is subscribed to, and those of its fields at once', async () => {
    const { stage, journal } = test;
    stage.on('ticks', stage.batches('ticks'));
    let details = 0;
    stage.on('detail', (tasks) => stage.batches(`detail ${++details}`)(tasks));
    expect(await ask(client, 'subscription { ticks { id detail } }')).toEqual([
      { ticks: { id: '1', detail: 'detail 1' } },
      { ticks: { id: '2', detail: 'detail 2' } },
    ]);
    await test.scheduler.idle();
    const entries = journal.take();
    expect(entries.slice(0, 1)).toEqual(['ticks: route']);
    expect(entries.toSorted()).toEqual([
      'detail 1: response',
      'detail 1: route',
      'detail 2: response',
      'detail 2: route',
      'tick 1',
      'tick 2',
      'ticks: response',
      'ticks: route',
    ]);
    expect(new Set(stage.services).size).toBe(1);
  });

  it('gives each query a service of its own: after-response tasks start in the turn after its resolvers', async () => {
    const { stage, journal } = test;
    stage.on('a', stage.batches('a')).on(
      'b',
      stage.batches('b', () => {
        throw new Error('b fails');
      }),
    );
    await ask(client, '{ a b }');
    await until(() => journal.entries.length === 2, 'the tasks');
    await ask(client, '{ a }', '2');
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['a: route', 'a: response', 'a: route', 'a: response']);
    expect(new Set(stage.services).size).toBe(2);
  });
});
