import { TasksConfigError } from '../task/task-errors.js';

/**
 * Refuses a decorator without its parentheses, which would have no effect.
 *
 * @param args arguments of the decorator.
 * @throws {TasksConfigError} at class definition.
 */
export function refuseBare(decorator: string, args: ArrayLike<unknown>): void {
  const [target, key, place] = Array.from(args);
  const isOnMember = args.length === 3 && (isKey(key) || typeof place === 'number');
  const isOnClass = args.length === 1 && typeof target === 'function' && /^class\b/.test(String(target));
  if (!isOnMember && !isOnClass) return;
  const on = isKey(key) ? String(key) : isOnClass ? (target as { name: string }).name : 'a constructor';
  throw new TasksConfigError(
    `@${decorator} on ${on}`,
    undefined,
    `@${decorator}(), with parentheses even when empty`,
    'written without parentheses',
  );
}

function isKey(key: unknown): key is string | symbol {
  return typeof key === 'string' || typeof key === 'symbol';
}
