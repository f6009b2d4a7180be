import { RequestMethod, type INestApplication } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { TasksDashboardModule } from 'nestjs-tasks/dashboard';

export interface DashboardRoute {
  readonly method: 'GET' | 'POST';
  /** Path without prefixes, whose parameters have values. */
  readonly path: string;
}

/** Values for routes that need one. */
const FILLED: Readonly<Record<string, string>> = {
  'assets/:file': 'assets/app.js',
  'api/v1/stream': 'api/v1/stream?view=now',
};

/** All routes of the dashboard, from what Nest's router reads: a new route is among them by itself. */
export function routesOf(app: INestApplication, base = 'tasks'): DashboardRoute[] {
  const scanner = new MetadataScanner();
  const modules = [...app.get(ModulesContainer).values()].filter(({ metatype }) => metatype === TasksDashboardModule);
  return modules.flatMap(({ controllers }) =>
    [...controllers.values()].flatMap(({ metatype }) => {
      const prototype = (metatype as { prototype: Record<string, object> }).prototype;
      const root = String(Reflect.getMetadata(PATH_METADATA, metatype as object));
      return scanner.getAllMethodNames(prototype).flatMap((name) => {
        const handler = prototype[name]!;
        const path = Reflect.getMetadata(PATH_METADATA, handler) as string | undefined;
        if (path === undefined) return [];
        const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
        const whole = path === '/' ? root : `${root}/${path}`;
        const own = whole.slice(base.length + 1);
        return [
          {
            method: RequestMethod[method] as DashboardRoute['method'],
            path: `/${base}${own === '' ? '' : `/${FILLED[own] ?? own}`}`,
          },
        ];
      });
    }),
  );
}
