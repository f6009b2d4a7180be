import { labelText } from '../../task/log-text.js';

/** Strike, as log lines name it. */
export interface LoggedStrike {
  /** `null`: any task. */
  readonly task: string | null;
  readonly parameter?: string | undefined;
  readonly operator?: string | undefined;
}

export function label(name: string, key: string): string {
  return `${labelText(name)} (${labelText(key)})`;
}

/** ISO time; `no time` for what is none. */
export function timeText(at: number): string {
  return Number.isFinite(at) ? new Date(Math.min(at, 8.64e15)).toISOString() : 'no time';
}

/** Names the executions of a strike, without its value, which users may have typed. */
export function targetText({ task, parameter, operator }: LoggedStrike): string {
  const whose = task === null ? 'any task' : labelText(task);
  return parameter === undefined ? whose : `${whose} with ${labelText(parameter)} ${operator} …`;
}
