import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';

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
export class RawResponses {
  constructor(host: HttpAdapterHost) {
    // Before middleware, which Nest registers as a hook too when the application is initialised.
    host.init$.subscribe(() => {
      // Absent in createApplicationContext().
      const adapter = host.httpAdapter as AbstractHttpAdapter | null;
      if (adapter?.getType() === 'fastify') adapter.getInstance<FastifyLike>().addHook('onRequest', note);
    });
  }

  of(request: RawRequest): ServerResponse | undefined {
    return request.res ?? request[RESPONSE];
  }
}

function note(request: { raw: RawRequest }, reply: { raw: ServerResponse }, done: () => void): void {
  request.raw[RESPONSE] = reply.raw;
  done();
}
