import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, type AbstractHttpAdapter } from '@nestjs/core';
import { isInjected } from './injected-classes.js';
import { TasksService } from './tasks.service.js';

/** Where Fastify's response is noted on Node's request. */
const RESPONSE = Symbol('nestjs-tasks:response');

/** Where Node.js has the response that is about to be sent on a connection. */
const CURRENT = '_httpMessage';

/** Node's request; Express puts the response on it, and we do for Fastify. */
export interface RawRequest {
  res?: ServerResponse;
  [RESPONSE]?: ServerResponse;
  readonly socket?: IncomingMessage['socket'] & { readonly [CURRENT]?: ServerResponse };
}

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: RawRequest }, reply: { raw: ServerResponse }, done: () => void) => void,
  ): void;
}

/**
 * Finds a request's response where no ExecutionContext is at hand: for what is injected into a guard or a middleware.
 * Fastify tells it nowhere but in its hooks, of which the first costs every request some percent: there is one only
 * where somebody injects TasksService.
 */
@Injectable()
export class RawResponses {
  constructor(host: HttpAdapterHost, modules: ModulesContainer) {
    // Before middleware, which Nest registers as a hook too when the application is initialised.
    host.init$.subscribe(() => {
      // Absent in createApplicationContext().
      const adapter = host.httpAdapter as AbstractHttpAdapter | null;
      if (adapter?.getType() !== 'fastify' || !isInjected(TasksService, modules)) return;
      adapter.getInstance<FastifyLike>().addHook('onRequest', note);
    });
  }

  of(request: RawRequest): ServerResponse | undefined {
    return request.res ?? request[RESPONSE] ?? currentOf(request);
  }
}

function note(request: { raw: RawRequest }, reply: { raw: ServerResponse }, done: () => void): void {
  request.raw[RESPONSE] = reply.raw;
  done();
}

/** What Node.js is about to send on the connection, unless that is the answer to an earlier request. */
function currentOf(request: RawRequest): ServerResponse | undefined {
  const response = request.socket?.[CURRENT];
  return (response?.req as unknown) === request ? response : undefined;
}
