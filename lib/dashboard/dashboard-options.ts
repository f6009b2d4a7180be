import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import { KnownOptions } from '../task/known-options.js';
import { TasksConfigError } from '../task/task-errors.js';
import type { TasksDashboardAccess } from './access/dashboard-access.js';

/**
 * Options of {@link TasksDashboardModule}. One of `access`, `guards` and `unprotected` is needed.
 *
 * @publicApi
 */
export interface TasksDashboardOptions {
  /** Path below the application's prefix. Default `'tasks'`. */
  path?: string | undefined;
  /** Provider class that decides who may see and who may act. Without it, whoever passes the guards may act. */
  access?: Type<TasksDashboardAccess> | undefined;
  /** Guards of all routes, asked before `access` and after the global guards of the application. */
  guards?: readonly Type<CanActivate>[] | undefined;
  /** Modules with what `access` and `guards` inject. */
  imports?: ModuleMetadata['imports'];
  /** `true`: everybody who reaches the application may act, as far as its global guards let them. */
  unprotected?: boolean | undefined;
}

/** Options after checks and defaults. */
export interface ResolvedDashboardOptions {
  readonly path: string;
  readonly access: Type<TasksDashboardAccess> | undefined;
  readonly guards: readonly Type<CanActivate>[];
  readonly imports: NonNullable<ModuleMetadata['imports']>;
}

const WHERE = 'TasksDashboardModule.forRoot()';
const DASHBOARD_OPTIONS = new KnownOptions<TasksDashboardOptions>(
  { path: true, access: true, guards: true, imports: true, unprotected: true },
  { guard: 'guards', auth: 'access', accessOf: 'access, a class with that method', prefix: 'path', route: 'path' },
);
const PATH = /^\/?[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*\/?$/;

/**
 * Checks the options.
 *
 * @throws {TasksConfigError} naming the first option that cannot be used.
 */
export function resolveDashboardOptions(options: TasksDashboardOptions): ResolvedDashboardOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError(WHERE, options, 'an object of options');
  }
  DASHBOARD_OPTIONS.check(options, WHERE);
  const { path = 'tasks', access, guards, imports = [] } = options;
  if (typeof path !== 'string' || !PATH.test(path)) {
    throw new TasksConfigError('path', path, "segments of letters, digits and .~_-, such as 'tasks' or 'admin/tasks'");
  }
  if (access !== undefined && !isClassWith(access, 'accessOf')) {
    throw new TasksConfigError('access', access, 'a class with a method accessOf(context)');
  }
  if (!Array.isArray(imports)) throw new TasksConfigError('imports', imports, 'a list of modules');
  checkGuards(guards);
  checkProtection(options);
  return { path: path.replaceAll(/^\/|\/$/g, ''), access, guards: guards ?? [], imports };
}

function checkGuards(guards: unknown): void {
  if (guards === undefined) return;
  const allowed = 'a list of guards, each a class with a method canActivate(context)';
  if (!Array.isArray(guards) || guards.length === 0) throw new TasksConfigError('guards', guards, allowed);
  for (const [index, guard] of guards.entries()) {
    if (!isClassWith(guard, 'canActivate')) throw new TasksConfigError(`guards[${index}]`, guard, allowed);
  }
}

/** Refuses a dashboard that anybody could use by mistake. */
function checkProtection({ access, guards, unprotected }: TasksDashboardOptions): void {
  if (unprotected !== undefined && typeof unprotected !== 'boolean') {
    throw new TasksConfigError('unprotected', unprotected, 'true or false');
  }
  const isProtected = access !== undefined || guards !== undefined;
  if (isProtected && unprotected === true) {
    throw new TasksConfigError(
      'unprotected',
      unprotected,
      'either access or guards, or unprotected: true for a dashboard without both',
      `true beside ${access === undefined ? 'guards' : 'access'}`,
    );
  }
  if (isProtected || unprotected === true) return;
  throw new TasksConfigError(
    WHERE,
    undefined,
    'access, a class whose accessOf(context) returns none, read or write; guards: [AdminGuard]; or unprotected: true, where global guards or the network protect it. See docs/dashboard.md#access',
    'without access, guards and unprotected',
  );
}

/** The prototype is asked: an instance is only made by the injector. A function made by `mixin()` is a class, too. */
function isClassWith(value: unknown, method: string): boolean {
  if (typeof value !== 'function') return false;
  const prototype = value.prototype as Record<string, unknown> | undefined;
  return typeof prototype?.[method] === 'function';
}
