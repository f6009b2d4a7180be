import { once } from 'node:events';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { WebSocket } from 'ws';
import type { OrderRequest } from '../order.js';

const JSON_BODY = { 'content-type': 'application/json' };

export async function orderByRest(url: string, request: OrderRequest): Promise<unknown> {
  const response = await fetch(`${url}/orders`, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(request) });
  return response.json();
}

/** Two orders in one operation. */
export async function orderByGraphql(url: string, first: OrderRequest, second: OrderRequest): Promise<unknown> {
  const query = `mutation ($first: OrderRequest!, $second: OrderRequest!) {
    first: createOrder(request: $first) { id }
    second: createOrder(request: $second) { id }
  }`;
  const body = JSON.stringify({ query, variables: { first, second } });
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers: JSON_BODY, body });
  return response.json();
}

export async function orderByTcp(port: number, request: OrderRequest): Promise<unknown> {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  try {
    return await lastValueFrom(client.send<unknown>('orders.create', request));
  } catch (error) {
    return { error };
  } finally {
    await client.close();
  }
}

export async function orderByWebSocket(url: string, request: OrderRequest): Promise<unknown> {
  const client = new WebSocket(url.replace('http', 'ws'));
  await once(client, 'open');
  client.send(JSON.stringify({ event: 'orders.create', data: request }));
  const [text] = (await once(client, 'message')) as [Buffer];
  client.close();
  return JSON.parse(text.toString('utf8'));
}

/** Of the orders of others, over server-sent events. */
export class Watcher {
  readonly seen: string[] = [];
  private readonly leaving = new AbortController();
  private watching: Promise<void> | undefined;

  /** Resolves when the server has answered. */
  async watch(url: string): Promise<void> {
    const { body } = await fetch(`${url}/orders`, { signal: this.leaving.signal });
    if (body === null) throw new Error('The server has sent no events');
    this.watching = this.read(body);
  }

  async leave(): Promise<void> {
    this.leaving.abort();
    await this.watching;
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = '';
    try {
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data: ')) this.seen.push(line.slice('data: '.length));
      }
    } catch (error) {
      if (!this.leaving.signal.aborted) throw error;
    }
  }
}
