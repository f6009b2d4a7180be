import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { programOnPath } from '../program-on-path.js';
import { freePort } from './free-port.js';
import { startProcess } from './server-process.js';

const run = promisify(execFile);

/** Path of a Docker client whose engine answers. */
export async function dockerClient(env) {
  const docker = programOnPath(['docker'], env.PATH);
  if (docker === undefined) return undefined;
  // The client answers without an engine too; the server's version needs one.
  const asking = run(docker, ['version', '--format', '{{.Server.Version}}'], { env, timeout: 10_000 });
  return asking.then(
    () => docker,
    () => undefined,
  );
}

/** Starts the official image of Redis, which keeps everything in memory. */
export async function start(_folder, docker) {
  const port = await freePort();
  const args = ['run', '--rm', '--publish', `127.0.0.1:${port}:6379`, 'redis', '--save', '', '--appendonly', 'no'];
  // The client passes SIGTERM on to the server; a SIGKILL would leave the container behind.
  const stop = await startProcess(docker, args, { readyLine: 'Ready to accept connections', stopSignal: 'SIGTERM' });
  return { url: `redis://127.0.0.1:${port}`, stop };
}
