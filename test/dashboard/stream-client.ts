import { once } from 'node:events';
import http from 'node:http';
import { until } from '../support/until.js';

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Client of an event stream. `using` makes it leave. */
export interface StreamClient extends Disposable {
  readonly response: http.IncomingMessage;
  readonly events: readonly StreamEvent[];
  /** Text that is no event: comments and the delay of the next try. */
  readonly others: readonly string[];
  readonly isOver: boolean;
  /** Waits for an event that is like this. */
  heard(event: string, is?: (data: never) => boolean): Promise<StreamEvent>;
  /** Waits for the end of the stream. */
  ended(): Promise<boolean>;
}

export async function openStream(
  url: string,
  query: string,
  headers: http.OutgoingHttpHeaders = {},
): Promise<StreamClient> {
  const request = http.request(`${url}/tasks/api/v1/stream?${query}`, { headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`The stream is refused with ${response.statusCode}`);
  const events: StreamEvent[] = [];
  const others: string[] = [];
  let text = '';
  let isOver = false;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
      if (event === undefined || data === undefined) others.push(part);
      else events.push({ event, data: JSON.parse(data) });
    }
  });
  response.on('error', () => {}); // cut off
  response.on('close', () => (isOver = true));
  return {
    response,
    events,
    others,
    get isOver() {
      return isOver;
    },
    heard: (event, is = () => true) =>
      until(() => events.find((one) => one.event === event && is(one.data as never)), `the event ${event}`),
    ended: () => until(() => isOver, 'the end of the stream'),
    [Symbol.dispose]: () => request.destroy(),
  };
}
