import { randomUUID } from 'node:crypto';
import { delimiter } from 'node:path';
import { programOnPath } from '../program-on-path.js';
import { installCommand } from '../install-command.js';
import { namedBy, reason, running } from './found-server.js';
import { keep } from './kept-server.js';

const PROGRAMS = ['mariadbd', 'mysqld'];
const STARTER = new URL('mariadb-server.js', import.meta.url).href;
const PREFIX = 'nestjs_tasks_test_';
/** Age of a database that a killed run has left. */
const FORGOTTEN = 3_600_000;

/**
 * A MariaDB or MySQL for tests; fails with one line that says how to get one. In this order: TASKS_TEST_MYSQL_URL, the usual
 * local port, a server of our own.
 */
export async function findMysql({ env = process.env, port = 3306, log = console.warn } = {}) {
  if (env.TASKS_TEST_MYSQL_URL) return namedBy('TASKS_TEST_MYSQL_URL', env.TASKS_TEST_MYSQL_URL, ping);

  const url = `mysql://root@127.0.0.1:${port}`;
  try {
    await ping(url);
    return running(url, `127.0.0.1:${port}`);
  } catch (error) {
    if (error.code !== 'ECONNREFUSED') log(`MySQL on 127.0.0.1:${port} passed over: ${reason(error)}`);
  }
  // Debian has it in a folder that is on the PATH of root alone.
  const program = programOnPath(PROGRAMS, [env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter));
  const problem =
    program === undefined ? `neither ${PROGRAMS.join(' nor ')} is on the PATH` : `${program} did not start`;
  try {
    if (program !== undefined) return await keep(STARTER, { source: program, env, args: [program] });
  } catch (error) {
    log(`${program} did not start: ${reason(error)}`);
  }
  throw new Error(
    `No MariaDB or MySQL: TASKS_TEST_MYSQL_URL is not set, none can be used on 127.0.0.1:${port}, and ${problem}. Start one (${installCommand('mysql', { PATH: env.PATH })}), or set TASKS_TEST_MYSQL_URL.`,
  );
}

/** Creates a database on that server for one run of the tests. */
export async function createMysqlDatabase(server) {
  const name = `${PREFIX}${Date.now()}_${randomUUID().slice(0, 8)}`;
  await administer(server.url, async (admin) => {
    await dropForgotten(admin);
    await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  });
  const url = new URL(server.url);
  url.pathname = name;
  return {
    ...server,
    url: url.href,
    async stop() {
      await administer(server.url, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name}`));
      await server.stop();
    },
  };
}

async function dropForgotten(admin) {
  const [rows] = await admin.query(`SHOW DATABASES LIKE '${PREFIX.replaceAll('_', '\\_')}%'`);
  const names = rows.flatMap(Object.values);
  for (const name of names.filter((one) => Date.now() - Number(one.split('_')[3]) > FORGOTTEN)) {
    await admin.query(`DROP DATABASE IF EXISTS ${name}`);
  }
}

async function ping(url) {
  await administer(url, (admin) => admin.query('DO 0'));
}

async function administer(url, act) {
  // Of the package beside, which is installed by now.
  const { createConnection } = await import('mysql2/promise');
  const admin = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    return await act(admin);
  } finally {
    await admin.end();
  }
}
