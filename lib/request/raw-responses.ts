import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: { raw: object }, reply: { raw: ServerResponse }, done: () => void) => void,
  ): void;
}

/** Finds a request's response where no ExecutionContext is at hand: in what is injected into a guard. */
@Injectable()
export class RawResponses implements OnModuleInit {
  private readonly responses = new WeakMap<object, ServerResponse>();

  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    // Absent in createApplicationContext().
    const adapter = this.host.httpAdapter as typeof this.host.httpAdapter | undefined;
    if (adapter?.getType() !== 'fastify') return;
    // Express puts the response on the request; Fastify tells it nowhere but in its hooks.
    adapter.getInstance<FastifyLike>().addHook('onRequest', (request, reply, done) => {
      this.responses.set(request.raw, reply.raw);
      done();
    });
  }

  of(request: { res?: ServerResponse }): ServerResponse | undefined {
    return request.res ?? this.responses.get(request);
  }
}
