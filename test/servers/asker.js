// A process that finds a server, says where, and never stops it.
import { findPostgres } from '../support/servers/postgres.js';
import { findRedis } from '../support/servers/redis.js';

const [kind, port] = process.argv.slice(2);
const find = { Redis: findRedis, PostgreSQL: findPostgres }[kind];
const { url } = await find({ port: Number(port) });
process.send(url);
