import { Scope, type Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { RawResponses } from './raw-responses.js';
import { RequestRegistry } from './request-registry.js';
import { TasksInterceptor } from './tasks.interceptor.js';
import { TasksParameters } from './tasks-parameters.js';
import { TasksService } from './tasks.service.js';
import { UncalledHooks } from './uncalled-hooks.js';

/** Tasks of a request. */
export const REQUEST_PROVIDERS: readonly Provider[] = [
  RawResponses,
  RequestRegistry,
  TasksInterceptor,
  TasksParameters,
  UncalledHooks,
  {
    provide: TasksService,
    scope: Scope.REQUEST,
    inject: [REQUEST, RequestRegistry],
    useFactory: (request: unknown, registry: RequestRegistry) => registry.serviceFor(request),
  },
];
