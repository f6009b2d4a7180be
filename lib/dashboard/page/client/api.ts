import type { ActionBodies, ActionName, ActionResult, ExecutionCount, Views } from '../../../operations/api.js';
import { ROOT } from '../place/root.js';

export type PageView = Exclude<keyof Views, 'summary'>;

/** Request that was not answered as asked. The status is 0 where no answer came. */
export class ApiFailure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function apiUrl(path: string, query = ''): string {
  const url = new URL(`api/v1/${path}`, ROOT);
  url.search = query;
  return url.href;
}

/** Reads a view, or what it shows of a query. */
export function fetchView<V extends PageView>(view: V, query: string, signal?: AbortSignal): Promise<Views[V]> {
  return request(apiUrl(view, query), signal === undefined ? {} : { signal });
}

export async function fetchCount(query: string): Promise<number> {
  const { count } = await request<ExecutionCount>(apiUrl('count', query), {});
  return count;
}

/** The header of our own makes a form of another site unable to send it. */
export function act<A extends ActionName>(action: A, body: ActionBodies[A]): Promise<ActionResult> {
  return request(apiUrl(action), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-nestjs-tasks': '1' },
    body: JSON.stringify(body),
  });
}

async function request<T>(url: string, init: RequestInit): Promise<T> {
  const response = await answerOf(url, init);
  // A redirect leads to the page of a login: nothing of ours redirects below api/.
  if (response.type === 'opaqueredirect') throw new ApiFailure(401, '');
  if (!response.ok) throw new ApiFailure(response.status, await messageOf(response));
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiFailure(502, 'The answer is not JSON. Look at the proxy in front of the application.');
  }
}

async function answerOf(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, credentials: 'same-origin', redirect: 'manual', cache: 'no-store' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiFailure(0, 'The server cannot be reached.');
  }
}

/** Guards of the application answer with bodies of their own, which need not be JSON. */
async function messageOf(response: Response): Promise<string> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  try {
    const { message } = (await response.json()) as { message?: unknown };
    if (Array.isArray(message) && message.length > 0) return message.join('. ');
    return typeof message === 'string' && message !== '' ? message : fallback;
  } catch {
    return fallback;
  }
}
