/** Call of a function in a thread. Types alone: threads load no TypeScript. */
export interface ThreadCall {
  /** URL of the file, with `file:`. */
  readonly href: string;
  /** Name of the export. */
  readonly name: string;
  readonly args: readonly unknown[];
  /** Shared memory of one number, in which the thread writes its id when it takes the call. */
  readonly takenBy: Int32Array;
}

/** Reply of the thread. */
export type ThreadReply =
  | { readonly value: unknown }
  | { readonly thrown: Thrown }
  /** Reason why the function could not be called, or its result cannot be cloned. */
  | { readonly fault: string; readonly remedy: string; readonly cause?: Thrown };

/** Thrown value of any kind. */
export type Thrown = { readonly value: unknown } | { readonly error: ErrorParts };

/** Error in parts: a structured clone of it would have neither its name nor its own properties. */
export interface ErrorParts {
  /** Built-in class of the error. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause?: Thrown;
  readonly own: Readonly<Record<string, unknown>>;
}
