import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** One request on a connection of its own, which does not hold the server open. */
export async function send(url: string): Promise<string> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return `${response.statusCode} ${body}`;
}
