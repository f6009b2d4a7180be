import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onAnswerToNobody, onResponseBegin, onResponseEnd } from './response-end.js';

/** Listener to a reply. Both methods may be called more than once. */
export interface ReplyListener {
  /** Reports that the reply is about to be sent. */
  begins(): void;
  /** Reports that it was sent, or its receiver has gone. */
  ends(): void;
}

/** Reply to a request, an operation or a message. */
export interface Reply {
  /** True if it can be watched before the handlers have settled, even when no handler was reached. */
  readonly isForetold: boolean;
  /** True if each value of an Observable is sent at once, rather than the last one at its end. */
  readonly isStreaming: boolean;
  /** True if a receiver gets it, as far as known. A reply whose receiver has gone has not begun. */
  readonly hasBegun: boolean;
  watch(listener: ReplyListener): void;
}

/** HTTP response that carries the result of a GraphQL operation. */
export class HttpReply implements Reply {
  readonly isForetold = true;
  readonly isStreaming = false;

  constructor(private readonly response: ServerResponse) {}

  get hasBegun(): boolean {
    return this.response.headersSent;
  }

  watch({ begins, ends }: ReplyListener): void {
    const { response } = this;
    onResponseBegin(response, begins);
    onResponseEnd(response, () => {
      // A departed client is answered all the same, at the end of the operation.
      if (response.headersSent || response.writableEnded) begins();
      else onAnswerToNobody(response, begins);
      ends();
    });
  }
}

/** Reply to a GraphQL operation over another transport than HTTP, or with a context without its request. */
export class UnseenReply implements Reply {
  readonly isForetold = false;
  readonly isStreaming = false;
  readonly hasBegun = false;

  watch({ ends }: ReplyListener): void {
    setImmediate(ends);
  }
}

/** Socket of Nest's TcpContext. */
interface WithSocket {
  getSocketRef?(): { readonly netSocket?: Socket } | undefined;
}

/** Answer to a message of a microservice or a gateway. Events have none, and count as answered at once. */
export class MessageReply implements Reply {
  readonly isForetold = false;
  readonly isStreaming = true;
  readonly hasBegun = false;

  constructor(private readonly context?: WithSocket) {}

  watch({ ends }: ReplyListener): void {
    // Nest hands the answer to its transport in the tick after the handler's Observable has completed.
    setImmediate(() => {
      const socket = this.context?.getSocketRef?.()?.netSocket;
      if (socket === undefined || socket.destroyed) ends();
      // Half closed, it accepts no more data, and earlier data leaves until it closes.
      else if (socket.writableEnded) socket.once('close', () => ends());
      // Called when all earlier data has left, or no longer can.
      else socket.write('', () => ends());
    });
  }
}
