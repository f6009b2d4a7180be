import type { ServerResponse } from 'node:http';
import { JsonSocket } from '@nestjs/microservices';
import type { WebSocket } from 'ws';
import type { Timeline } from './timeline.js';

interface Packet {
  readonly response?: unknown;
  readonly err?: unknown;
  readonly isDisposed?: boolean;
}

/** Take note of what the server hands to the network: what an application has no need for, and a timeline has. */
export const noteReplies = {
  /** REST, GraphQL and server-sent events. */
  ofHttp(timeline: Timeline) {
    return (_request: unknown, response: ServerResponse, next: () => void): void => {
      response.once('finish', () => timeline.note('reply', `${response.statusCode}`));
      next();
    };
  },

  ofTcp(timeline: Timeline): typeof JsonSocket {
    return class extends JsonSocket {
      override sendMessage(packet: Packet, callback?: (error?: unknown) => void): void {
        const { response, err } = packet;
        timeline.note('reply', err === undefined ? JSON.stringify(response) : `error: ${JSON.stringify(err)}`);
        super.sendMessage(packet, callback);
      }
    };
  },

  ofWebSocket(client: WebSocket, timeline: Timeline): void {
    const send = client.send.bind(client) as (...args: unknown[]) => void;
    client.send = (...args: unknown[]) => {
      timeline.note('reply', String(args[0]));
      send(...args);
    };
  },
};
