import { TasksConfigError } from '../task/task-errors.js';

/**
 * Refuses a decorator that is written without its parentheses: it was called with what it decorates, and would do
 * nothing without a word.
 *
 * @param args what the decorator was called with.
 * @throws {TasksConfigError} where it is so. At class definition.
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
    `@${decorator}(), with parentheses also where nothing stands between them`,
    'written without parentheses',
  );
}

function isKey(key: unknown): key is string | symbol {
  return typeof key === 'string' || typeof key === 'symbol';
}
