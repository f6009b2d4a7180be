import { setImmediate as macrotask } from 'node:timers/promises';
import http from 'node:http';
import { once } from 'node:events';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Field, GqlExecutionContext, Mutation, ObjectType, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { REQUEST } from '@nestjs/core';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnTaskError, Shielded, Tasks, TasksService, type Task } from 'nestjs-tasks';
import { Gate, send } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { startGraphql, type GraphqlApp } from './graphql-app.js';
import { Stage } from './stage.js';

const NULLABLE = { nullable: true };

@ObjectType()
class Item {
  @Field(() => String)
  id!: string;
}

/** Denies what its test wants denied, and may schedule before. */
@Injectable({ scope: Scope.REQUEST })
class StageGuard implements CanActivate {
  constructor(
    private readonly stage: Stage,
    private readonly tasks: TasksService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { fieldName } = GqlExecutionContext.create(context).getInfo<{ fieldName: string }>();
    return (await this.stage.play(`guard of ${fieldName}`, this.tasks)) !== false;
  }
}

const noop = (): void => {};

@Resolver(() => Item)
class StageResolver {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @Query(() => String, NULLABLE)
  a(@Tasks() tasks: TasksService) {
    return this.stage.play('a', tasks);
  }

  @Query(() => String, NULLABLE)
  b(@Tasks() tasks: TasksService) {
    return this.stage.play('b', tasks);
  }

  @Query(() => String, NULLABLE)
  @UseGuards(StageGuard)
  guarded(@Tasks() tasks: TasksService) {
    return this.stage.play('guarded', tasks);
  }

  @Query(() => String, NULLABLE)
  @UseGuards(StageGuard)
  guardedToo(@Tasks() tasks: TasksService) {
    return this.stage.play('guardedToo', tasks);
  }

  @Query(() => String, NULLABLE)
  @Shielded()
  @OnTaskError(noop)
  shielded(@Tasks() tasks: TasksService) {
    return this.stage.play('shielded', tasks);
  }

  @Query(() => [Item])
  async items(@Tasks() tasks: TasksService) {
    await this.stage.play('items', tasks);
    return [{ id: '1' }, { id: '2' }];
  }

  @ResolveField(() => String, NULLABLE)
  detail(@Tasks() tasks: TasksService) {
    return this.stage.play('detail', tasks);
  }

  @Mutation(() => String, NULLABLE)
  change(@Tasks() tasks: TasksService) {
    return this.stage.play('change', tasks);
  }

  @Mutation(() => String)
  require(@Tasks() tasks: TasksService) {
    return this.stage.play('require', tasks);
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedDependency {
  constructor(readonly tasks: TasksService) {}
}

@Resolver()
class ScopedResolver {
  constructor(
    private readonly stage: Stage,
    private readonly tasks: TasksService,
    private readonly dependency: ScopedDependency,
  ) {}

  @Query(() => String, NULLABLE)
  scoped() {
    this.stage.play('scoped dependency', this.dependency.tasks);
    return this.stage.play('scoped', this.tasks);
  }

  @Query(() => String, NULLABLE)
  scopedToo(@Tasks() tasks: TasksService) {
    this.stage.play('taken', tasks);
    return this.stage.play('scopedToo', this.tasks);
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedTasks {
  constructor(
    @Inject(REQUEST) private readonly context: { req: { headers: Record<string, string> } },
    private readonly journal: Journal,
  ) {}

  @Shielded()
  run(): void {
    this.journal.write(`run for ${this.context.req.headers['x-user'] ?? 'nobody'}`);
  }
}

@Resolver()
class UnboundResolver {
  constructor(private readonly scopedTasks: ScopedTasks) {}

  @Query(() => String)
  unbound(@Tasks() tasks: TasksService): string {
    tasks.afterResponse.schedule(this.scopedTasks.run);
    return 'scheduled';
  }
}

@Controller('rest')
class RestController {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @Get()
  get(@Tasks() tasks: TasksService) {
    return this.stage.play('rest', tasks);
  }
}

const RESOLVERS = {
  providers: [StageResolver, ScopedResolver, ScopedDependency, UnboundResolver, ScopedTasks],
  controllers: [RestController],
};

describe('GraphQL on Apollo', () => {
  let test: GraphqlApp;
  let stage: Stage;
  let journal: Journal;

  beforeEach(async () => {
    test = await startGraphql(RESOLVERS, { allowBatchedHttpRequests: true });
    ({ stage, journal } = test);
  });
  afterEach(() => test.app.close());

  /** Asks, and returns what has been written when all tasks have ended. */
  async function written(query: string): Promise<string[]> {
    await test.ask(query);
    await test.scheduler.idle();
    return journal.take();
  }

  describe('resolvers of one operation', () => {
    it('share one service, taken or injected, also into what they depend on', async () => {
      await test.ask('{ a b scoped scopedToo }');
      expect(stage.services).toHaveLength(6);
      expect(new Set(stage.services).size).toBe(1);
      await test.ask('{ a scoped }');
      expect(new Set(stage.services).size).toBe(2);
    });

    it('start after-route tasks when the slowest has settled, after-response tasks after finish', async () => {
      const bWaits = new Gate();
      stage.on(
        'a',
        stage.batches('a', () => bWaits.pass()),
      );
      stage.on(
        'b',
        stage.batches('b', async () => {
          await bWaits.passed;
          await macrotask();
          journal.write('b ends');
        }),
      );
      expect(await written('{ a b }')).toEqual([
        'b ends',
        'a: route',
        'b: route',
        'finish',
        'a: response',
        'b: response',
      ]);
    });

    it('do so, too, when they are request-scoped', async () => {
      stage.on('scoped', stage.batches('scoped'));
      stage.on(
        'scopedToo',
        stage.batches('scopedToo', async () => {
          await macrotask();
          journal.write('scopedToo ends');
        }),
      );
      expect(await written('{ scoped scopedToo }')).toEqual([
        'scopedToo ends',
        'scoped: route',
        'scopedToo: route',
        'finish',
        'scoped: response',
        'scopedToo: response',
      ]);
    });

    it.each(['a', 'b'])('discard the tasks of %s alone, when it fails', async (failing) => {
      for (const name of ['a', 'b']) {
        stage.on(name, (tasks) => {
          stage.batches(name)(tasks);
          tasks.afterRoute.task({ runOn: 'error' }).schedule(journal.write, `${name}: on error`);
          tasks.afterResponse.task({ runOn: 'always' }).schedule(journal.write, `${name}: always`);
          if (name === failing) throw new Error(`${name} fails`);
        });
      }
      const other = failing === 'a' ? 'b' : 'a';
      const entries = await written('{ a b }');
      expect(entries.toSorted()).toEqual(
        [`${other}: route`, `${other}: response`, `${other}: always`]
          .concat(`${failing}: on error`, `${failing}: always`, 'finish')
          .toSorted(),
      );
      expect(test.scheduler.counts.discarded).toBe(3);
    });

    it('count once, by whatever names and fragments they are asked for', async () => {
      stage.on('a', stage.batches('a'));
      const entries = await written(
        `query { __typename a ...both one: a @skip(if: true) ... on Query { b @include(if: false) a } }
         fragment both on Query { a two: a }`,
      );
      expect(entries).toEqual(['a: route', 'a: route', 'finish', 'a: response', 'a: response']);
    });

    it('are as they are decorated', async () => {
      const tasks: Task[] = [];
      const keep = (service: TasksService): void => void tasks.push(service.afterRoute.schedule(noop));
      stage.on('a', keep).on('shielded', keep);
      await written('{ a shielded }');
      expect(tasks.map(({ shielded, config }) => [shielded, config.onError])).toEqual([
        [false, undefined],
        [true, noop],
      ]);
    });
  });

  describe('mutations of one operation, which run one after another', () => {
    it('start after-route tasks when the last has settled', async () => {
      const names = ['first', 'second'];
      stage.on('change', (tasks) => {
        const name = names.shift() ?? '';
        journal.write(name);
        return stage.batches(name, macrotask)(tasks);
      });
      expect(await written('mutation { first: change second: change }')).toEqual([
        'first',
        'second',
        'first: route',
        'second: route',
        'finish',
        'first: response',
        'second: response',
      ]);
    });

    it('start those of the first before the reply, when a required one fails and the rest is not run', async () => {
      stage.on('change', stage.batches('change'));
      stage.on(
        'require',
        stage.batches('require', () => {
          throw new Error('required');
        }),
      );
      expect(await written('mutation { change require last: change }')).toEqual([
        'change: route',
        'finish',
        'change: response',
      ]);
      expect(test.scheduler.counts.discarded).toBe(2);
    });
  });

  describe('guards', () => {
    it('that deny one of two leave the tasks of the other: they start before the reply', async () => {
      stage.on('a', stage.batches('a')).on('guard of guarded', () => false);
      expect(await written('{ a guarded }')).toEqual(['a: route', 'finish', 'a: response']);
    });

    it('may schedule with the service of the operation', async () => {
      stage.on('guard of guarded', stage.batches('guard')).on('guarded', stage.batches('guarded'));
      expect(await written('{ guarded }')).toEqual([
        'guard: route',
        'guarded: route',
        'finish',
        'guard: response',
        'guarded: response',
      ]);
      expect(new Set(stage.services).size).toBe(1);
    });

    it('that deny all have their own tasks discarded', async () => {
      const deny = stage.batches('guard', () => false);
      stage.on('guard of guarded', deny).on('guard of guardedToo', deny);
      expect(await written('{ guarded guardedToo }')).toEqual(['finish']);
      expect(test.scheduler.counts.discarded).toBe(4);
    });
  });

  describe('several operations in one request', () => {
    it('have a service each; after-response tasks of all start when the one response was sent', async () => {
      stage.on('a', stage.batches('a')).on(
        'b',
        stage.batches('b', () => {
          throw new Error('b fails');
        }),
      );
      await test.post([{ query: '{ a }' }, { query: '{ b }' }, { query: '{ a }' }] as object);
      await test.scheduler.idle();
      expect(new Set(stage.services).size).toBe(3);
      expect(journal.take()).toEqual(['a: route', 'a: route', 'finish', 'a: response', 'a: response']);
    });
  });

  it('runs an unbound method of a request-scoped provider on that of the operation', async () => {
    await request(test.url).post('/graphql').set('x-user', 'ada').send({ query: '{ unbound }' });
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['finish', 'run for ada']);
  });

  it('serves requests of REST beside', async () => {
    stage.on('rest', stage.batches('rest')).on('a', stage.batches('a'));
    await Promise.all([test.ask('{ a }'), send(`${test.url}/rest`)]);
    await test.scheduler.idle();
    const entries = journal.take();
    for (const name of ['a', 'rest']) {
      expect(entries.filter((entry) => entry.startsWith(name) || entry === 'finish')).toEqual(
        expect.arrayContaining([`${name}: route`, 'finish', `${name}: response`]),
      );
    }
    expect(new Set(stage.services).size).toBe(2);
  });

  describe('a client that leaves', () => {
    const entered = new Map<string, Gate>();
    const left = new Map<string, Gate>();
    beforeEach(() => {
      for (const gates of [entered, left]) gates.set('it', new Gate());
    });

    /** Leaves while the server works on its operation, and returns when the server has noticed. */
    async function leave(query: string): Promise<void> {
      const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
      const client = http.request(`${test.url}/graphql`, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json' },
      });
      client.on('error', noop);
      client.end(JSON.stringify({ query }));
      await entered.get('it')?.passed;
      client.destroy();
      await closed;
      left.get('it')?.pass();
    }
    const untilLeft = async (): Promise<void> => {
      entered.get('it')?.pass();
      await left.get('it')?.passed;
    };

    it('while resolvers run gets both batches of each run, once, when it has settled', async () => {
      stage.on('a', stage.batches('a', untilLeft)).on(
        'b',
        stage.batches('b', async () => {
          await left.get('it')?.passed;
          await macrotask();
          journal.write('b ends');
        }),
      );
      await leave('{ a b }');
      await test.scheduler.idle();
      expect(journal.take().toSorted()).toEqual(
        ['a: response', 'a: route', 'b ends', 'b: response', 'b: route'].toSorted(),
      );
    });

    it('changes nothing about a resolver that fails', async () => {
      stage.on('a', stage.batches('a')).on(
        'b',
        stage.batches('b', async () => {
          await untilLeft();
          throw new Error('to nobody');
        }),
      );
      await leave('{ a b }');
      await test.scheduler.idle();
      expect(journal.take()).toEqual(['a: route', 'a: response']);
    });

    it('between two mutations gets the batches of both run', async () => {
      let calls = 0;
      stage.on('change', (tasks) => stage.batches(`change ${++calls}`, calls === 1 ? untilLeft : noop)(tasks));
      await leave('mutation { first: change second: change }');
      await test.scheduler.idle();
      expect(journal.take()).toEqual([
        'change 1: route',
        'change 2: route',
        'change 1: response',
        'change 2: response',
      ]);
    });

    it.each([true, false])(
      'while a guard thinks gets the batches of the guard run if it allows: %s',
      async (allows) => {
        stage.on(
          'guard of guarded',
          stage.batches('guard', async () => {
            await untilLeft();
            return allows;
          }),
        );
        await leave('{ guarded }');
        await test.scheduler.idle();
        expect(journal.take()).toEqual(allows ? ['guard: route', 'guard: response'] : []);
      },
    );
  });

  it('gives what is scheduled in the context of nobody to the whole operation', async () => {
    // As a DataLoader does whose batch is loaded where another request began it.
    const elsewhere: (() => void)[] = [];
    stage.on('a', (tasks) => {
      const loaded = new Promise<void>((resolve) => {
        elsewhere.push(() => {
          stage.batches('loader')(tasks);
          resolve();
        });
      });
      return loaded;
    });
    const answer = test.ask('{ a }');
    while (elsewhere.length === 0) await macrotask();
    elsewhere[0]?.();
    await answer;
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['loader: route', 'finish', 'loader: response']);
  });
});

describe.each([[[]], [['interceptors' as const]]])(
  'field resolvers with the enhancers %j',
  (fieldResolverEnhancers) => {
    it('belong to the operation: after-route tasks do not wait for them, and start before the reply', async () => {
      await using test = await startGraphql(RESOLVERS, { fieldResolverEnhancers });
      const { stage, journal } = test;
      const routeStarted = new Gate();
      stage.on('items', (tasks) => {
        stage.batches('items')(tasks);
        tasks.afterRoute.schedule(routeStarted.pass);
      });
      let fields = 0;
      stage.on('detail', async (tasks) => {
        await routeStarted.passed;
        const name = `detail ${++fields}`;
        tasks.schedule(journal.write, `${name}: now`);
        stage.batches(name)(tasks);
        await macrotask();
        return name;
      });
      const { data } = await test.ask('{ items { id detail } }');
      await test.scheduler.idle();
      expect(data).toEqual({
        items: [
          { id: '1', detail: 'detail 1' },
          { id: '2', detail: 'detail 2' },
        ],
      });
      expect(journal.take()).toEqual([
        'items: route',
        'detail 1: now',
        'detail 1: route',
        'detail 2: now',
        'detail 2: route',
        'finish',
        'items: response',
        'detail 1: response',
        'detail 2: response',
      ]);
      expect(new Set(stage.services).size).toBe(1);
    });
  },
);

describe('a context whose `req` is not the HTTP request', () => {
  // Nest adds `req` where there is none.
  const UNSEEN = { context: () => ({ req: { user: 'ada' } }) };

  it('starts after-route tasks when no resolver runs any more, after-response tasks in the next turn', async () => {
    await using test = await startGraphql(RESOLVERS, UNSEEN);
    const { stage, journal } = test;
    stage.on('a', stage.batches('a')).on(
      'b',
      stage.batches('b', async () => {
        await macrotask();
        journal.write('b ends');
      }),
    );
    await test.ask('{ a b }');
    await test.scheduler.idle();
    const order = ['b ends', 'a: route', 'b: route', 'a: response', 'b: response'];
    expect(journal.take().filter((entry) => entry !== 'finish')).toEqual(order);
  });

  it('waits for no resolver that a guard has denied', async () => {
    await using test = await startGraphql(RESOLVERS, UNSEEN);
    const { stage, journal } = test;
    stage.on('a', stage.batches('a')).on('guard of guarded', () => false);
    await test.ask('{ a guarded }');
    await test.scheduler.idle();
    expect(journal.take().filter((entry) => entry !== 'finish')).toEqual(['a: route', 'a: response']);
  });

  it('waits for no mutation that is not run, since a required one has failed', async () => {
    await using test = await startGraphql(RESOLVERS, UNSEEN);
    const { stage, journal } = test;
    stage.on('change', stage.batches('change')).on('require', () => {
      throw new Error('required');
    });
    await test.ask('mutation { change require last: change }');
    await test.scheduler.idle();
    expect(journal.take().filter((entry) => entry !== 'finish')).toEqual(['change: route', 'change: response']);
  });

  it('refuses a batch before any resolver is reached', async () => {
    await using test = await startGraphql(RESOLVERS, UNSEEN);
    const { stage } = test;
    stage.on('guard of guarded', stage.batches('guard'));
    const { errors } = await test.ask('{ guarded }');
    expect(errors?.[0]?.message).toMatch('before the message has reached its handler');
  });
});
