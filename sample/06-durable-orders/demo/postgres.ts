import { Pool } from 'pg';
import { NoDatabaseError, type Database } from './database.js';

const LOCAL = 'postgres://postgres:postgres@127.0.0.1:5432/postgres';
const HINT = 'docker run --rm -p 5432:5432 -e POSTGRES_PASSWORD=postgres postgres';

/**
 * The one that `POSTGRES_URL` names, else the one on this machine.
 *
 * @throws {NoDatabaseError} when there is none.
 */
export async function findPostgres(url = process.env.POSTGRES_URL ?? LOCAL): Promise<Database> {
  const pool = new Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 2_000 });
  pool.on('error', () => {}); // the next query tells
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    await pool.end();
    const { host } = new URL(url);
    throw new NoDatabaseError(`PostgreSQL at ${host} cannot be used (${String(error)}). Start one: ${HINT}`);
  }
  return {
    label: `PostgreSQL at ${new URL(url).host}`,
    url,
    async remove(prefix) {
      await pool.query(`DROP SCHEMA IF EXISTS "${prefix}" CASCADE`);
    },
    close: () => pool.end(),
  };
}
