import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { programOnPath } from '../program-on-path.js';
import { reason } from './found-server.js';

const run = promisify(execFile);

/** Path of apt-get, where the tests may install: as root, or in CI, whose machines are thrown away. */
export function aptGet(env) {
  const mayInstall = process.getuid?.() === 0 || Boolean(env.CI);
  return mayInstall ? programOnPath(['apt-get'], env.PATH) : undefined;
}

/** Installs the package redis-server of Debian or Ubuntu. */
export async function installRedis(apt, { env, log }) {
  log('No Redis found: installing the package redis-server with apt-get.');
  const program = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  for (const args of [['update'], ['install', '-y', 'redis-server']]) {
    const [command, ...rest] = [...program, apt, ...args];
    try {
      await run(command, rest, { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 2 ** 26 });
    } catch (error) {
      throw new Error(`apt-get ${args.join(' ')} failed: ${reason(error)}`, { cause: error });
    }
  }
}
