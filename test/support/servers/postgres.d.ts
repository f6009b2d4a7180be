import type { FoundServer, ServerSearch } from './found-server.js';

/** A PostgreSQL for tests and benches; fails with one line that says how to get one. */
export function findPostgres(search?: ServerSearch): Promise<FoundServer>;
