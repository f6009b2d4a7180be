import {
  ForbiddenException,
  Inject,
  Injectable,
  Optional,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Access } from '../../operations/api.js';
import { protect } from '../answer/security-headers.js';
import { DashboardLog } from '../dashboard-log.js';
import { DASHBOARD_ACCESS, type TasksDashboardAccess } from './dashboard-access.js';
import { keepVisit } from './visit.js';

const RIGHTS: readonly unknown[] = ['none', 'read', 'write'] satisfies readonly Access[];
/** Longest name of a user, in characters. */
const LONGEST_NAME = 100;

/** Asks `access` about each request: pages, files, views, the event stream and actions. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Optional() @Inject(DASHBOARD_ACCESS) private readonly access: TasksDashboardAccess | undefined,
    private readonly log: DashboardLog,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    // Before any refusal, which the application's exception filters answer.
    protect(http.getResponse<object>());
    const access = await this.accessOf(context);
    if (access === 'none') throw new ForbiddenException('This dashboard is not open to you.');
    keepVisit(http.getRequest<object>(), { access, user: () => this.userOf(context) });
    return true;
  }

  private async accessOf(context: ExecutionContext): Promise<Access> {
    if (this.access === undefined) return 'write';
    const access: unknown = await this.access.accessOf(context);
    if (RIGHTS.includes(access)) return access as Access;
    this.log.badAccess(this.access.constructor.name, access);
    return 'none';
  }

  private async userOf(context: ExecutionContext): Promise<string | undefined> {
    const user: unknown = await this.access?.userOf?.(context);
    return typeof user === 'string' && user !== '' ? user.slice(0, LONGEST_NAME) : undefined;
  }
}
