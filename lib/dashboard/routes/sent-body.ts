import { Readable } from 'node:stream';
import { InputError } from '../../operations/input-error.js';
import type { DashboardRequest } from './dashboard-request.js';

/** Largest body that is read, in bytes. */
const LARGEST = 65_536;
const JSON_OBJECT = 'a JSON object of at most 64 kB';

/**
 * Returns the parsed body. Applications that parse none, such as with `bodyParser: false`, leave it in the request.
 *
 * @throws {InputError} when it is no JSON.
 */
export async function sentBody(request: DashboardRequest): Promise<unknown> {
  const { body } = request;
  const raw = request.raw ?? request;
  if (typeof body === 'string' || Buffer.isBuffer(body)) return parsed(body.toString());
  if (body !== undefined || !(raw instanceof Readable) || raw.readableEnded) return body;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST) throw new InputError('The body', `${size} bytes`, JSON_OBJECT);
    chunks.push(chunk);
  }
  return parsed(Buffer.concat(chunks).toString());
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError('The body', 'no JSON', JSON_OBJECT);
  }
}
