import type { Server, ServerResponse } from 'node:http';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, type AbstractHttpAdapter } from '@nestjs/core';
import { isInjected } from './injected-classes.js';
import { TasksService } from './tasks.service.js';

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
 * Fastify tells it nowhere.
 */
@Injectable()
export class RawResponses implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    modules: ModulesContainer,
  ) {
    // For inject(), which has no server. The first hook costs every request some percent, so there is one only where
    // somebody injects TasksService.
    host.init$.subscribe(() => {
      if (this.isFastify() && isInjected(TasksService, modules))
        this.adapter!.getInstance<FastifyLike>().addHook('onRequest', noteHook);
    });
  }

  /** The server's event comes before middleware and hooks. */
  onModuleInit(): void {
    if (this.isFastify()) (this.adapter!.getHttpServer() as Server).prependListener('request', note as never);
  }

  of(request: RawRequest): ServerResponse | undefined {
    return request.res ?? request[RESPONSE];
  }

  /** Absent in createApplicationContext(). */
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
