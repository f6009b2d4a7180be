import { isFastify, type AdapterReply } from './adapter-reply.js';

/** Answer of the dashboard. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Creates an answer with JSON. */
export function json(value: unknown, status = 200, headers: Answer['headers'] = {}): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body };
}

/** Creates an answer that leads elsewhere. */
export function redirect(location: string): Answer {
  return { status: 302, headers: { location }, body: Buffer.alloc(0) };
}

/**
 * Sends an answer through the adapter, so that its hooks run, but past Nest: interceptors of the application wrap what
 * handlers return, and its serializers change objects. Bytes pass all of them.
 */
export function send(reply: AdapterReply, { status, headers, body }: Answer): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  if (isFastify(reply)) {
    reply.code(status);
    reply.send(body);
    return;
  }
  reply.statusCode = status;
  if (status !== 304) reply.setHeader('content-length', body.length);
  reply.end(body);
}
