/** What a thread is asked to do. Types alone: threads load no TypeScript. */
export interface ThreadCall {
  /** The file, as a `file:` URL. */
  readonly href: string;
  /** The export. */
  readonly name: string;
  readonly args: readonly unknown[];
  /** Shared memory of one number, in which the thread writes its id when it takes the call. */
  readonly takenBy: Int32Array;
}

/** What came of it. */
export type ThreadReply =
  | { readonly value: unknown }
  | { readonly thrown: Thrown }
  /** The function could not be called, or its result cannot travel. */
  | { readonly fault: string; readonly remedy: string; readonly cause?: Thrown };

/** What was thrown, which may be anything. */
export type Thrown = { readonly value: unknown } | { readonly error: ErrorParts };

/** An error in parts: a structured clone of it would have neither its name nor its own properties. */
export interface ErrorParts {
  /** The built-in class that it is, or extends. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause?: Thrown;
  readonly own: Readonly<Record<string, unknown>>;
}
