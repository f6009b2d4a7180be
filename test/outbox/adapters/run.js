// npm run test:outbox: the adapters of dist/outbox with the libraries themselves, on PostgreSQL, MariaDB or MySQL, and SQLite.
// With names, such as `-- pg knex`, those adapters only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { createOwnDatabase } from '../../support/servers/own-database.js';
import { findPostgres } from '../../support/servers/postgres.js';
import { nodeProgram } from './node-program.js';
import { createMysqlDatabase, findMysql } from '../../support/servers/mysql.js';

const FOLDER = import.meta.dirname;
const ROOT = join(FOLDER, '..', '..', '..');
/** Time of a test, in milliseconds. */
const LIMIT = 20_000;
/** Time of all, in milliseconds: a connection that a test has left open would keep them from their end. */
const END = 360_000;

const { values, positionals: selected } = parseArgs({
  options: { installed: { type: 'boolean', default: false } },
  allowPositionals: true,
});

async function run(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: FOLDER,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
    ...options,
  });
  const [code] = await once(child, 'exit');
  if (child.killed) throw new Error(`${command} did not end in time.`);
  return code ?? 1;
}

/** Copies the package to where it shares Nest with the libraries: a link would lead back to the Nest of the repository. */
function installPackage() {
  const target = join(FOLDER, 'node_modules', 'nestjs-tasks');
  rmSync(target, { recursive: true, force: true });
  for (const part of ['dist', 'package.json']) cpSync(join(ROOT, part), join(target, part), { recursive: true });
}

async function findServers() {
  const searches = await Promise.allSettled([
    findPostgres().then(createOwnDatabase),
    findMysql().then(createMysqlDatabase),
  ]);
  const refusals = searches.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message);
  const servers = searches.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
  if (refusals.length === 0) return servers;
  await Promise.all(servers.map((server) => server.stop()));
  throw new Error(refusals.join('\n'));
}

async function test() {
  if (!values.installed && (await run('npm', ['ci', '--silent', '--no-audit', '--no-fund'])) !== 0) {
    throw new Error('The libraries could not be installed: npm ci failed in test/outbox/adapters.');
  }
  installPackage();
  const node = nodeProgram();
  if ((await run(node, ['prisma/generate.js'])) !== 0) throw new Error('The clients of Prisma could not be generated.');
  if ((await run(node, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', FOLDER])) !== 0) {
    throw new Error('The types of a library do not fit its adapter.');
  }
  const servers = await findServers();
  const [postgres, mysql] = servers;
  console.log(`PostgreSQL: ${postgres.source}. MySQL: ${mysql.source}. Node.js: ${relative(ROOT, node)}.`);
  try {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.mjs'));
    // Not with --test-force-exit, which loses results that are on their way.
    return await run(node, ['--test', `--test-timeout=${LIMIT}`, '--test-reporter=./reporter.js', ...files], {
      timeout: END,
      env: {
        ...process.env,
        // The package loads some of them itself. Installed, it would lie beside them.
        NODE_PATH: join(FOLDER, 'node_modules'),
        TASKS_TEST_POSTGRES_URL: postgres.url,
        TASKS_TEST_MYSQL_URL: mysql.url,
        TASKS_TEST_ADAPTERS: selected.join(','),
      },
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

try {
  process.exitCode = await test();
} catch (error) {
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
