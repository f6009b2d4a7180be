import { Injectable, mixin, type CanActivate } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { TasksDashboardModule, type TasksDashboardAccess, type TasksDashboardOptions } from 'nestjs-tasks/dashboard';

@Injectable()
class OperatorAccess implements TasksDashboardAccess {
  accessOf() {
    return 'read' as const;
  }
}

@Injectable()
class AdminGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

function roleGuard(): new () => CanActivate {
  return mixin(class extends AdminGuard {});
}

describe('the options of the dashboard', () => {
  it.each([
    [
      'nothing',
      {},
      /^TasksDashboardModule\.forRoot\(\) is without access, guards and unprotected\. Allowed: access, a class/,
    ],
    ['unprotected: false', { unprotected: false }, /is without access, guards and unprotected/],
    ['no object', undefined, /^TasksDashboardModule\.forRoot\(\) is undefined/],
    ['an unknown option', { acces: OperatorAccess }, /^acces is no option of .* \(did you mean access\?\)/],
    ['a habit of others', { auth: OperatorAccess }, /\(use access\)/],
    ['a path with a wildcard', { path: 'tasks/*', unprotected: true }, /^path is 'tasks\/\*'\. Allowed: segments/],
    ['a path that climbs', { path: '../tasks', unprotected: true }, /^path is '\.\.\/tasks'/],
    ['an empty path', { path: '', unprotected: true }, /^path is ''/],
    ['a path that is no text', { path: 5, unprotected: true }, /^path is 5/],
    ['access that is an object', { access: new OperatorAccess() }, /^access is a value of type OperatorAccess/],
    ['access that is a guard', { access: AdminGuard }, /^access is the function AdminGuard\. Allowed: a class with/],
    ['no guard', { guards: [] }, /^guards is a value of type Array\. Allowed: a list of guards/],
    ['a guard that is none', { guards: [AdminGuard, OperatorAccess] }, /^guards\[1\] is the function OperatorAccess/],
    ['imports that are no list', { imports: OperatorAccess, unprotected: true }, /^imports is the function/],
    ['unprotected that is no boolean', { unprotected: 'yes' }, /^unprotected is 'yes'\. Allowed: true or false/],
    ['access that is unprotected', { access: OperatorAccess, unprotected: true }, /^unprotected is true beside access/],
    ['guards that are unprotected', { guards: [AdminGuard], unprotected: true }, /^unprotected is true beside guards/],
  ])('refuse %s', (_what, options, message) => {
    const create = (): unknown => TasksDashboardModule.forRoot(options as TasksDashboardOptions);
    expect(create).toThrow(TasksConfigError);
    expect(create).toThrow(message);
  });

  it.each([
    ['access', { access: OperatorAccess }],
    ['a guard', { guards: [AdminGuard] }],
    ['a guard made by mixin()', { guards: [roleGuard()] }],
    ['both', { access: OperatorAccess, guards: [AdminGuard], path: '/admin/tasks/', imports: [] }],
    ['neither, by name', { unprotected: true }],
    ['access beside unprotected: false', { access: OperatorAccess, unprotected: false }],
    ['options that are undefined', { access: OperatorAccess, path: undefined, guards: undefined }],
  ])('take %s', (_what, options) => {
    const { controllers = [] } = TasksDashboardModule.forRoot(options);
    expect(controllers).toHaveLength(4);
  });
});
