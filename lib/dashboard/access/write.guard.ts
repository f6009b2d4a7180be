import { ForbiddenException, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { foreignness, type WriteRequest } from './same-origin.js';
import { visitOf } from './visit.js';

/** Refuses actions of callers who may only read, and requests that another site could make a browser send. */
@Injectable()
export class WriteGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<WriteRequest>();
    if (visitOf(request).access !== 'write')
      throw new ForbiddenException('You may look at this dashboard, and not act.');
    const problem = foreignness(request);
    if (problem !== undefined) throw new ForbiddenException(problem);
    return true;
  }
}
