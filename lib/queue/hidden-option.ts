import { describeType, TasksConfigError } from '../task/task-errors.js';

/** Connections hold passwords, a wrong one perhaps anywhere: nothing of it is shown but a type, or a scheme and a host. */
export function hidden(option: string, value: unknown, allowed: string): TasksConfigError {
  const got = typeof value === 'string' ? (placeOf(value) ?? 'another text') : describeType(value);
  return new TasksConfigError(option, '…', `${allowed}; got ${got}`);
}

function placeOf(url: string): string | undefined {
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(url)?.[0];
  if (scheme === undefined) return undefined;
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const at = url.lastIndexOf('@');
  // A password with a slash or a sign of its own would end where the host seems to begin.
  const isSure = host !== '' && url.startsWith(host, at === -1 ? scheme.length : at + 1);
  if (!isSure) return `'${scheme}…'`;
  return at === -1 ? `'${scheme}${host}…'` : `'${scheme}…@${host}…'`;
}
