import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onAnswerToNobody, onResponseBegin, onResponseEnd } from './response-end.js';

/** Whom a reply tells. Either may be called more than once. */
export interface ReplyListener {
  /** Right before it is sent. */
  begins(): void;
  /** It was sent, or its receiver has gone. */
  ends(): void;
}

/** How what handlers have made gets to whoever asked. */
export interface Reply {
  /** It can be watched before the handlers have settled, and tells even when none was reached. */
  readonly isForetold: boolean;
  /** Each value of an Observable is sent at once, rather than the last one at its end. */
  readonly isStreaming: boolean;
  /** Somebody gets it, as far as can be told. One whose receiver has gone has not begun. */
  readonly hasBegun: boolean;
  watch(listener: ReplyListener): void;
}

/** The HTTP response that carries the result of a GraphQL operation. */
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
      // A client that has gone is answered all the same, when the operation has come to its end.
      if (response.headersSent || response.writableEnded) begins();
      else onAnswerToNobody(response, begins);
      ends();
    });
  }
}

/** A GraphQL operation that came by another way than HTTP, or whose context does not hold its request. */
export class UnseenReply implements Reply {
  readonly isForetold = false;
  readonly isStreaming = false;
  readonly hasBegun = false;

  watch({ ends }: ReplyListener): void {
    setImmediate(ends);
  }
}

/** What Nest's TcpContext has. */
interface WithSocket {
  getSocketRef?(): { readonly netSocket?: Socket } | undefined;
}

/** The answer to a message of a microservice or a gateway. Events have none, and count as answered at once. */
export class MessageReply implements Reply {
  readonly isForetold = false;
  readonly isStreaming = true;
  readonly hasBegun = false;

  constructor(private readonly context?: WithSocket) {}

  watch({ ends }: ReplyListener): void {
    // Nest hands the answer to its transport in the next tick after the handler's Observable has completed.
    setImmediate(() => {
      const socket = this.context?.getSocketRef?.()?.netSocket;
      if (socket === undefined || socket.destroyed) ends();
      // Half closed, it takes no more, and what was written before leaves until it closes.
      else if (socket.writableEnded) socket.once('close', () => ends());
      // Is called when all that was written before has left, or cannot any more.
      else socket.write('', () => ends());
    });
  }
}
