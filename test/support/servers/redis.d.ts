import type { FoundServer, ServerSearch } from './found-server.js';

/** A Redis for tests and benches; fails with one line that says how to get one. */
export function findRedis(search?: ServerSearch): Promise<FoundServer>;

/** The redis-server or valkey-server on the PATH. */
export function redisProgram(env: NodeJS.ProcessEnv): string | undefined;
