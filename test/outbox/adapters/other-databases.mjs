import mysql from 'mysql2/promise';
import { Client } from 'pg';
import { MYSQL_URL, POSTGRES_URL } from './fixtures.mjs';

/** Creates one more database on each of the servers. */
export async function createOtherDatabases() {
  const postgres = new Client({ connectionString: POSTGRES_URL });
  await postgres.connect();
  const connection = await mysql.createConnection(MYSQL_URL);
  const urls = [POSTGRES_URL, MYSQL_URL].map((text) => {
    const url = new URL(text);
    url.pathname += '_other';
    return url;
  });
  const [ofPostgres, ofMysql] = urls.map((url) => url.pathname.slice(1));
  await postgres.query(`CREATE DATABASE ${ofPostgres}`);
  await connection.query(`CREATE DATABASE ${ofMysql}`);
  // Without a connection, another run of the tests would drop it as forgotten.
  const keeper = new Client({ connectionString: urls[0].href });
  await keeper.connect();
  return {
    postgres: urls[0].href,
    mysql: urls[1].href,
    async drop() {
      await keeper.end();
      await postgres.query(`DROP DATABASE ${ofPostgres} WITH (FORCE)`);
      await connection.query(`DROP DATABASE ${ofMysql}`);
      await postgres.end();
      await connection.end();
    },
  };
}
