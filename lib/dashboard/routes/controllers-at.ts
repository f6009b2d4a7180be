import { Controller, UseGuards, VERSION_NEUTRAL, type CanActivate, type Type } from '@nestjs/common';
import { AccessGuard } from '../access/access.guard.js';
import { WriteGuard } from '../access/write.guard.js';
import { ActionsController } from './actions.controller.js';
import { PagesController } from './pages.controller.js';
import { StreamController } from './stream.controller.js';
import { ViewsController } from './views.controller.js';

const API = 'api/v1';
/** Key of `@ApiExcludeController()` of @nestjs/swagger: these routes belong to no document of the application. */
const SWAGGER_EXCLUDES = 'swagger/apiExcludeController';

/**
 * Creates the controllers of one dashboard. Nest makes their routes, so that the global prefix, global guards and both adapters
 * hold. They have no version: their own is in the path.
 *
 * @param guards guards of the option, before those of the dashboard.
 */
export function controllersAt(path: string, guards: readonly Type<CanActivate>[]): Type[] {
  const seeing = [...guards, AccessGuard];
  return [
    at(path, PagesController, seeing),
    at(`${path}/${API}`, ViewsController, seeing),
    at(`${path}/${API}`, StreamController, seeing),
    at(`${path}/${API}`, ActionsController, [...seeing, WriteGuard]),
  ];
}

/** Subclasses, since the metadata of a class would be those of all dashboards. Routes are inherited. */
function at(path: string, base: Type, guards: readonly Type<CanActivate>[]): Type {
  const controller = class extends base {};
  Object.defineProperty(controller, 'name', { value: `Dashboard${base.name}` });
  Controller({ path, version: VERSION_NEUTRAL })(controller);
  UseGuards(...guards)(controller);
  Reflect.defineMetadata(SWAGGER_EXCLUDES, [true], controller);
  return controller;
}
