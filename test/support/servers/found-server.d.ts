/** A server that answered, and how it was found. */
export interface FoundServer {
  url: string;
  /** The name of a variable, the address of a local port, or what was started. */
  source: string;
  /** Ends the server and removes its files when the search started it; else leaves it alone. */
  stop(): Promise<void>;
}

export interface ServerSearch {
  /** @default process.env */
  env?: NodeJS.ProcessEnv;
  /** The local port to look at. */
  port?: number;
  /** Hears of a local server that is there but refuses us. @default console.warn */
  log?: (line: string) => void;
}
