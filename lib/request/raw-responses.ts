import type { Server, ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** Where Fastify's response is noted on Node's request. A property, for it is written in every request. */
const RESPONSE = Symbol('nestjs-tasks:response');

/** Node's request; Express puts the response on it, and we do for Fastify. */
export interface RawRequest {
  res?: ServerResponse;
  [RESPONSE]?: ServerResponse;
}

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: RawRequest }, reply: { raw: ServerResponse }, done: () => void) => void,
  ): void;
}

/**
 * Finds a request's response where no ExecutionContext is at hand: for what is injected into a guard or a middleware.
 * Fastify tells it nowhere but in its hooks.
 */
@Injectable()
export class RawResponses implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    // Absent in createApplicationContext().
    const adapter = this.host.httpAdapter as typeof this.host.httpAdapter | undefined;
    if (adapter?.getType() !== 'fastify') return;
    const note = (request: RawRequest, response: ServerResponse): void => {
      request[RESPONSE] = response;
    };
    // The server's event comes before middleware, which Nest has registered by now; inject() has no server.
    (adapter.getHttpServer() as Server).prependListener('request', note as never);
    adapter.getInstance<FastifyLike>().addHook('onRequest', (request, reply, done) => {
      note(request.raw, reply.raw);
      done();
    });
  }

  of(request: RawRequest): ServerResponse | undefined {
    return request.res ?? request[RESPONSE];
  }
}
