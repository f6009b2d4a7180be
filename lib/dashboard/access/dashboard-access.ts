import type { ExecutionContext } from '@nestjs/common';

/** Provider of the class in the option `access`; absent without it. */
export const DASHBOARD_ACCESS = Symbol('DASHBOARD_ACCESS');

/**
 * Right of a caller: `read` sees all views, `write` acts as well.
 *
 * @publicApi
 */
export type TasksDashboardRight = 'none' | 'read' | 'write';

/**
 * Decides who may see the dashboard and who may act. A provider class, whose dependencies come from the option `imports` and
 * from global modules.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class OperatorAccess implements TasksDashboardAccess {
 *   accessOf(context: ExecutionContext) {
 *     const { user } = context.switchToHttp().getRequest();
 *     return user?.roles.includes('operator') ? 'write' : 'none';
 *   }
 * }
 * ```
 * @publicApi
 */
export interface TasksDashboardAccess {
  /**
   * Returns the right of the caller. It is asked at each request, after the guards; an event stream makes a new request at
   * least every 30 seconds.
   *
   * @throws an HttpException, which the client gets; anything else is a status of 500.
   */
  accessOf(context: ExecutionContext): TasksDashboardRight | Promise<TasksDashboardRight>;

  /** Returns the name of the caller, for log lines, strikes and pauses. Default: `someone`. */
  userOf?(context: ExecutionContext): string | undefined | Promise<string | undefined>;
}
