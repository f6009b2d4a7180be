import {
  Body,
  Catch,
  Controller,
  Get,
  Injectable,
  Module,
  Param,
  Post,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ArgumentsHost,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type PipeTransform,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { describe, expect, it } from '@jest/globals';
import { Tasks, TaskScheduler, type TasksService } from 'nestjs-tasks';
import { ADAPTERS, send, startApp } from '../support/app.js';

describe.each(ADAPTERS)('a method that is passed unbound on %s', (_name, adapter) => {
  it('runs on the guard, pipe, interceptor, filter or middleware that it belongs to', async () => {
    const log: string[] = [];
    class Noting {
      constructor(
        private readonly who: string,
        private readonly scheduler: TaskScheduler,
      ) {}
      protected schedule(method: (text: string) => void): void {
        this.scheduler.schedule(method, this.who);
      }
      protected note(text: string): void {
        log.push(`${text} on ${this.who}`);
      }
    }
    @Injectable()
    class Guard extends Noting implements CanActivate {
      constructor(scheduler: TaskScheduler) {
        super('guard', scheduler);
      }
      canActivate(): boolean {
        this.schedule(this.audit);
        return true;
      }
      audit(text: string): void {
        this.note(text);
      }
    }
    @Injectable()
    class Interceptor extends Noting implements NestInterceptor {
      constructor(scheduler: TaskScheduler) {
        super('interceptor', scheduler);
      }
      intercept(_context: unknown, next: CallHandler): Observable<unknown> {
        this.schedule(this.audit);
        return next.handle();
      }
      audit(text: string): void {
        this.note(text);
      }
    }
    @Injectable()
    class Pipe extends Noting implements PipeTransform {
      constructor(scheduler: TaskScheduler) {
        super('pipe', scheduler);
      }
      transform(value: unknown): unknown {
        this.schedule(this.audit);
        return value;
      }
      audit(text: string): void {
        this.note(text);
      }
    }
    @Catch()
    class Filter extends Noting implements ExceptionFilter {
      constructor(scheduler: TaskScheduler) {
        super('filter', scheduler);
      }
      catch(_error: unknown, host: ArgumentsHost): void {
        this.schedule(this.audit);
        const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: string): void } }>();
        response.status(500).send('failed');
      }
      audit(text: string): void {
        this.note(text);
      }
    }
    @Injectable()
    class Middleware extends Noting implements NestMiddleware {
      constructor(scheduler: TaskScheduler) {
        super('middleware', scheduler);
      }
      use(_request: unknown, _response: unknown, next: () => void): void {
        this.schedule(this.audit);
        next();
      }
      audit(text: string): void {
        this.note(text);
      }
    }
    @Controller()
    class Orders {
      @Get(':id')
      @UseGuards(Guard)
      @UseInterceptors(Interceptor)
      @UseFilters(Filter)
      create(@Param('id', Pipe) _id: string): never {
        throw new Error('bad');
      }
    }
    @Module({ controllers: [Orders] })
    class OrdersModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(Middleware).forRoutes(Orders);
      }
    }
    await using test = await startApp({ imports: [OrdersModule] }, {}, adapter);
    const { status } = await send(`${test.url}/1`);
    await test.scheduler.idle();
    expect([status, log]).toEqual([
      500,
      ['middleware', 'guard', 'interceptor', 'pipe', 'filter'].map((who) => `${who} on ${who}`),
    ]);
  });

  it('is refused before the client has its answer when two modules have a guard of their own, or two providers a class', async () => {
    @Injectable()
    class Guard implements CanActivate {
      private readonly who = 'guard';
      constructor(private readonly scheduler: TaskScheduler) {}
      canActivate(): boolean {
        this.scheduler.schedule(this.audit);
        return true;
      }
      audit(): string {
        return this.who;
      }
    }
    @UseGuards(Guard)
    @Controller('a')
    class A {
      @Get()
      get(): void {}
    }
    @UseGuards(Guard)
    @Controller('b')
    class B {
      @Get()
      get(): void {}
    }
    @Injectable()
    class Mail {
      private readonly sender = 'shop';
      send(): string {
        return this.sender;
      }
    }
    @Controller('mail')
    class Mails {
      constructor(private readonly mail: Mail) {}
      @Post()
      @UsePipes()
      post(@Tasks() tasks: TasksService, @Body() _body: unknown): void {
        tasks.afterResponse.schedule(this.mail.send);
      }
    }
    @Module({ controllers: [A], providers: [Mail] })
    class ModuleA {}
    @Module({ controllers: [B, Mails], providers: [Mail] })
    class ModuleB {}
    await using test = await startApp({ imports: [ModuleA, ModuleB] }, {}, adapter);
    const statuses = [
      await send(`${test.url}/a`),
      await send(`${test.url}/b`),
      await send(`${test.url}/mail`, { method: 'POST' }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([500, 500, 500]);
    expect(test.logs.matching('TASK_HOST')).toHaveLength(3);
    expect(test.scheduler.counts.scheduled).toBe(0);
  });
});
