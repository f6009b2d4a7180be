import type { Server, ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, type AbstractHttpAdapter } from '@nestjs/core';
import { isInjected } from './injected-classes.js';
import { TasksService } from './tasks.service.js';

/** Property of Node's request for Fastify's response. Not a WeakMap: it is written in every request. */
const RESPONSE = Symbol('nestjs-tasks:response');

/** Node's request. Express puts the response on it; this library does so for Fastify. */
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
 * Finds the response of a request without an ExecutionContext, for guards and middleware that inject the service.
 * Fastify has no public link from request to response.
 */
@Injectable()
export class RawResponses implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    modules: ModulesContainer,
  ) {
    // For inject(), which has no server. The first hook costs every request some percent, so it is registered only
    // where TasksService is injected.
    const addHook = (): void => {
      if (this.isFastify() && isInjected(TasksService, modules))
        this.adapter!.getInstance<FastifyLike>().addHook('onRequest', noteHook);
    };
    // Nest has the moment since 11.1.4. Before, the adapter is known by now, but for an application of Test.
    if ('init$' in host) host.init$.subscribe(addHook);
    else addHook();
  }

  /** Listens to the server's event, which comes before middleware and hooks. */
  onModuleInit(): void {
    if (this.isFastify()) (this.adapter!.getHttpServer() as Server).prependListener('request', note as never);
  }

  of(request: RawRequest): ServerResponse | undefined {
    return request.res ?? request[RESPONSE];
  }

  /** HTTP adapter, absent in createApplicationContext(). */
  private get adapter(): AbstractHttpAdapter | null | undefined {
    return this.host.httpAdapter as AbstractHttpAdapter | null | undefined;
  }

  private isFastify(): boolean {
    return this.adapter?.getType() === 'fastify';
  }
}

function note(request: RawRequest, response: ServerResponse): void {
  request[RESPONSE] = response;
}

function noteHook(request: { raw: RawRequest }, reply: { raw: ServerResponse }, done: () => void): void {
  note(request.raw, reply.raw);
  done();
}
