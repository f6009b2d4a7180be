import type { ModulesContainer } from '@nestjs/core';
import { isStatic, methodsOf, prototypeOf } from '../scheduler/provider-classes.js';
import { parametersOf, type Route } from './route.js';
import { takeTasks } from './take-tasks.js';

/** Metadata key of @nestjs/graphql on the methods of resolvers. */
const ROOT_RESOLVER = 'graphql:resolver_type';
const FIELD_RESOLVER = 'graphql:resolve_property';

/** Selects the handlers, of classes that are made once, that can have tasks. */
export class HandlersWithTasks {
  private resolversHaveTasks: boolean | undefined;

  constructor(private readonly modules: ModulesContainer) {}

  has(route: Route): boolean {
    return hasTasksParameter(route) || (isRootResolver(route.handler) && this.resolvers);
  }

  /**
   * True if any root resolver can have tasks. They are bound together: tasks of an operation wait for its last
   * resolver.
   */
  private get resolvers(): boolean {
    return (this.resolversHaveTasks ??= [...this.modules.values()]
      .flatMap(({ providers }) => [...providers.values()])
      .some((wrapper) => {
        const routes = [...methodsOf(prototypeOf(wrapper))].flatMap(({ func, prototype }) =>
          isRootResolver(func) || Reflect.hasMetadata(FIELD_RESOLVER, func)
            ? [{ controller: prototype.constructor, handler: func }]
            : [],
        );
        return routes.length > 0 && (!isStatic(wrapper) || routes.some(hasTasksParameter));
      }));
  }
}

function isRootResolver(handler: object): boolean {
  return Reflect.hasMetadata(ROOT_RESOLVER, handler);
}

function hasTasksParameter(route: Route): boolean {
  return parametersOf(route).some(({ factory }) => factory === takeTasks);
}
