import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Reply of Express, which is the response itself. */
export interface ExpressReply extends ServerResponse {
  header(name: string, value: string): unknown;
}

/** Reply of Fastify, as far as the dashboard uses it. */
export interface FastifyReply {
  readonly raw: ServerResponse;
  header(name: string, value: string): unknown;
  code(status: number): unknown;
  send(body: Buffer): unknown;
  getHeaders(): OutgoingHttpHeaders;
  /** Takes the response from Fastify. */
  hijack(): unknown;
}

export type AdapterReply = ExpressReply | FastifyReply;

export function isFastify(reply: AdapterReply): reply is FastifyReply {
  return 'hijack' in reply;
}
