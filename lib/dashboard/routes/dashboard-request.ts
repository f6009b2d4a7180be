import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Query } from '../dashboard-views.js';

/** Request of either adapter, as far as the dashboard reads it. */
export interface DashboardRequest {
  readonly method: string;
  /** Address with all prefixes. */
  readonly originalUrl: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Query;
  /** Parsed by the application; absent where it parses none. */
  readonly body?: unknown;
  /** Request of Node.js; with Express it is this object. */
  readonly raw?: Readable;
}
