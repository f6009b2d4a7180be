import { Controller, Get, Inject, Injectable, Scope } from '@nestjs/common';
import {
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type ContextIdStrategy,
  type HostComponentInfo,
} from '@nestjs/core';
import { Query, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Tasks, TaskScheduler, TasksService } from 'nestjs-tasks';
import request from 'supertest';
import { startGraphql } from './graphql-app.js';
import { Stage } from './stage.js';
import { startTcp } from './tcp-app.js';

const TENANTS = new Map<string, ContextId>();

/** As Nest's documentation has it: providers that are durable are made once for each tenant. */
class TenantStrategy implements ContextIdStrategy {
  constructor(private readonly hasPayload: boolean) {}

  attach(contextId: ContextId, host: { headers?: Record<string, string>; req?: { headers: Record<string, string> } }) {
    const tenant = (host.headers ?? host.req?.headers)?.['x-tenant'] ?? 'nobody';
    const tenantId = TENANTS.get(tenant) ?? ContextIdFactory.create();
    TENANTS.set(tenant, tenantId);
    const resolve = (info: HostComponentInfo): ContextId => (info.isTreeDurable ? tenantId : contextId);
    return this.hasPayload ? { resolve, payload: { tenant } } : resolve;
  }
}

/** The trap: it is made once for a tenant, with the service of whoever came first. */
@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableService {
  constructor(readonly tasks: TasksService) {}
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class TenantService {
  static made = 0;
  readonly number = ++TenantService.made;
  constructor(@Inject(REQUEST) readonly payload: { tenant: string } | undefined) {}
}

@Controller()
class TrappedController {
  constructor(private readonly durable: DurableService) {}

  @Get('trapped')
  trapped() {
    this.durable.tasks.afterResponse.schedule(() => {});
    return 'scheduled';
  }
}

@Controller()
class SoundController {
  constructor(
    private readonly tenant: TenantService,
    private readonly stage: Stage,
    private readonly scheduler: TaskScheduler,
  ) {}

  @Get('sound')
  sound(@Tasks() tasks: TasksService) {
    this.scheduler.schedule(() => {});
    this.stage.play('sound', tasks);
    return { number: this.tenant.number };
  }
}

/** Request-scoped, not durable: one for each request. */
@Controller()
class ScopedController {
  constructor(
    private readonly tasks: TasksService,
    private readonly stage: Stage,
  ) {}

  @Get('scoped')
  scoped(@Tasks() tasks: TasksService) {
    this.stage.play('scoped', tasks);
    return { isSame: this.tasks === tasks };
  }

  @MessagePattern('scoped')
  message(@Tasks() tasks: TasksService) {
    return this.stage.play(this.tasks === tasks ? 'same' : 'other', tasks);
  }
}

@Resolver()
class TrappedResolver {
  constructor(private readonly durable: DurableService) {}

  @Query(() => String)
  trapped(): string {
    this.durable.tasks.afterResponse.schedule(() => {});
    return 'scheduled';
  }
}

@Resolver()
class InjectedResolver {
  constructor(private readonly tasks: TasksService) {}

  @Query(() => String)
  injected(): string {
    this.tasks.afterResponse.schedule(() => {});
    return 'scheduled';
  }
}

@Resolver()
class SoundResolver {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @Query(() => String)
  sound(@Tasks() tasks: TasksService): unknown {
    return this.stage.play('sound', tasks);
  }
}

const METADATA = {
  controllers: [TrappedController, SoundController, ScopedController],
  providers: [DurableService, TenantService, TrappedResolver, InjectedResolver, SoundResolver],
};

describe.each([
  ['with a payload', true],
  ['without a payload', false],
])('an application with a ContextIdStrategy %s', (_what, hasPayload) => {
  beforeEach(() => {
    TENANTS.clear();
    ContextIdFactory.apply(new TenantStrategy(hasPayload));
  });
  afterEach(() => ContextIdFactory.apply(undefined as unknown as ContextIdStrategy));

  it('refuses the service in a durable provider, for each tenant and each time, and says why', async () => {
    await using test = await startGraphql(METADATA);
    for (const tenant of ['a', 'a', 'b']) {
      test.logs.lines.length = 0;
      await request(test.url).get('/trapped').set('x-tenant', tenant).expect(500);
      expect(test.logs.matching('NO_REQUEST')).not.toEqual([]);
    }
    await test.scheduler.idle();
    expect(test.scheduler.counts.scheduled).toBe(0);
  });

  it('gives @Tasks() and TaskScheduler beside durable providers, a service for each request', async () => {
    await using test = await startGraphql(METADATA);
    test.stage.on('sound', test.stage.batches('sound'));
    const numbers: unknown[] = [];
    for (const tenant of ['a', 'a', 'b']) {
      const { body } = await request(test.url).get('/sound').set('x-tenant', tenant).expect(200);
      numbers.push((body as { number: number }).number);
      await test.scheduler.idle();
      expect(test.journal.take()).toEqual(['sound: route', 'finish', 'sound: response']);
    }
    expect(numbers).toEqual([numbers[0], numbers[0], (numbers[0] as number) + 1]);
    expect(new Set(test.stage.services).size).toBe(3);
  });

  it('injects the service of the request into what is request-scoped and not durable', async () => {
    await using test = await startGraphql(METADATA);
    test.stage.on('scoped', test.stage.batches('scoped'));
    for (const tenant of ['a', 'a']) {
      await request(test.url).get('/scoped').set('x-tenant', tenant).expect(200, { isSame: true });
      await test.scheduler.idle();
      expect(test.journal.take()).toEqual(['scoped: route', 'finish', 'scoped: response']);
    }
    expect(new Set(test.stage.services).size).toBe(2);
  });

  it('does so for messages', async () => {
    await using test = await startTcp({ controllers: [ScopedController] });
    expect(await test.send('scoped')).toEqual(['same']);
    expect(await test.send('scoped')).toEqual(['same']);
    expect(new Set(test.stage.services).size).toBe(2);
  });

  it.each(['trapped', 'injected'])('refuses it in a GraphQL resolver, durable or not: %s', async (field) => {
    await using test = await startGraphql(METADATA);
    for (const tenant of ['a', 'a', 'b']) {
      const { body } = await request(test.url)
        .post('/graphql')
        .set('x-tenant', tenant)
        .send({ query: `{ ${field} }` });
      const { errors } = body as { errors: { message: string }[] };
      expect(errors[0]?.message).toMatch(/TasksService belongs to one request.*(durable provider|TaskScheduler)/);
    }
    expect(test.scheduler.counts.scheduled).toBe(0);
  });

  it('gives @Tasks() to a GraphQL resolver', async () => {
    await using test = await startGraphql(METADATA);
    test.stage.on('sound', test.stage.batches('sound'));
    for (let times = 0; times < 2; times++) {
      await test.ask('{ sound }');
      await test.scheduler.idle();
      expect(test.journal.take()).toEqual(['sound: route', 'finish', 'sound: response']);
    }
    expect(new Set(test.stage.services).size).toBe(2);
  });
});
