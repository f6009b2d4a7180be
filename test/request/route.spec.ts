import 'reflect-metadata';
import { Controller, createParamDecorator, Get, Next, Res, Sse } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { describe, expect, it } from '@jest/globals';
import { isEventStream, repliesByItself, repliesInChunks } from '../../lib/request/route.js';

const Custom = createParamDecorator(() => 'custom');

/** As a decorator that measures or caches does. */
const Wrapped: MethodDecorator = (_target, _key, descriptor: PropertyDescriptor) => {
  const original = descriptor.value as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    return original.apply(this, args);
  };
};

class Base {
  @Get('inherited')
  inherited(@Res() _response: unknown) {}
}

@Controller()
class Routes extends Base {
  @Get('plain')
  plain(@Custom() _custom: unknown) {}

  @Get('response')
  response(@Custom() _custom: unknown, @Res() _response: unknown) {}

  @Get('next')
  next(@Next() _next: unknown) {}

  @Get('passthrough')
  passthrough(@Res({ passthrough: true }) _response: unknown) {}

  @Get('wrapped')
  @Wrapped
  wrapped(@Res() _response: unknown): Promise<void> {
    return Promise.resolve();
  }

  @Sse('events')
  events() {}

  async *chunks() {}
}

const route = (key: keyof Routes) => ({ controller: Routes, handler: Routes.prototype[key] });

describe('a route', () => {
  it.each([
    ['plain', false],
    ['response', true],
    ['next', true],
    ['passthrough', false],
    ['wrapped', true],
    ['inherited', true],
    ['events', false],
  ] as const)('replies by itself: %s, %s', (key, expected) => {
    expect(repliesByItself(route(key))).toBe(expected);
  });

  it('is not mistaken for one that does by the random key of a custom parameter', () => {
    const { plain } = Routes.prototype;
    for (const prefix of ['1a', '2Z', '12']) {
      Reflect.defineMetadata(ROUTE_ARGS_METADATA, { [`${prefix}__customRouteArgs__:0`]: {} }, Routes, 'plain');
      expect(repliesByItself({ controller: Routes, handler: plain })).toBe(false);
    }
  });

  it('is known to stream events, and to reply in chunks', () => {
    expect([isEventStream(route('events')), isEventStream(route('plain'))]).toEqual([true, false]);
    expect([repliesInChunks(route('chunks')), repliesInChunks(route('wrapped'))]).toEqual([true, false]);
  });
});
