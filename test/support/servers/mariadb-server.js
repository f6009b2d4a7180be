import { execFile } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable, programOnPath } from '../program-on-path.js';
import { freePort } from './free-port.js';
import { startProcess } from './server-process.js';

const run = promisify(execFile);

/** Starts a MariaDB or MySQL that keeps its data in this folder, and for one run only. */
export async function start(folder, program) {
  const data = join(folder, 'data');
  await mkdir(data);
  const user = await owner();
  if (user !== undefined) {
    await chmod(folder, 0o711);
    await chown(data, user.uid, user.gid);
  }
  // Before all others: the files of the machine name a server of the machine.
  const args = ['--no-defaults', ...(user === undefined ? [] : [`--user=${user.name}`]), `--datadir=${data}`];
  await initialize(program, args);
  const port = await freePort();
  const stop = await startProcess(
    program,
    [
      ...args,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(data, 'socket')}`,
      `--pid-file=${join(data, 'pid')}`,
      // Nobody needs these data after a crash.
      '--innodb-flush-log-at-trx-commit=0',
      '--skip-log-bin',
    ],
    { readyLine: 'ready for connections', stopSignal: 'SIGTERM' },
  );
  return { url: `mysql://root@127.0.0.1:${port}`, stop };
}

/** Creates the system's tables, with a root that has no password. */
async function initialize(program, args) {
  const names = ['mariadb-install-db', 'mysql_install_db'];
  const beside = names.map((name) => join(dirname(program), name)).find(isExecutable);
  const installer = beside ?? programOnPath(names, process.env.PATH);
  if (installer === undefined || basename(program) === 'mysqld')
    return run(program, [...args, '--initialize-insecure']);
  return run(installer, [...args, '--auth-root-authentication-method=normal', '--skip-test-db']);
}

/** The servers refuse to run as root. */
async function owner() {
  if (process.getuid?.() !== 0) return undefined;
  const name = await run('id', ['-u', 'mysql']).then(
    () => 'mysql',
    () => 'nobody',
  );
  const [uid, gid] = await Promise.all(['-u', '-g'].map((option) => run('id', [option, name])));
  return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
