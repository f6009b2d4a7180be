import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/servers/free-port.js';
import { findRedis, redisProgram } from '../support/servers/redis.js';

const REDIS = redisProgram(process.env);

/** Stand-ins are shell scripts that start this machine's Redis. */
const describeStandIns = REDIS === undefined || process.platform !== 'linux' ? describe.skip : describe;

describeStandIns('Redis where none is installed', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let port: number;
  let lines: string[];
  const log = (line: string) => void lines.push(line);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nestjs-tasks-sources-'));
    env = { PATH: folder, CI: 'true' };
    port = await freePort();
    lines = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function addProgram(name: string, script: string): Promise<void> {
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  }

  const addDocker = (run: string) => addProgram('docker', `[ "$1" = version ] && exit 0\n${run}`);

  /** Without root, apt-get is run by sudo. */
  async function addApt(install: string): Promise<void> {
    await addProgram('apt-get', `echo "$@" >> ${folder}/apt.log\n[ "$1" = update ] || ${install}`);
    await addProgram('sudo', 'shift; exec "$@"');
  }

  it('starts a container where a Docker engine answers', async () => {
    await addDocker(
      `port=\${4#127.0.0.1:}; exec ${REDIS} --port \${port%:6379} --bind 127.0.0.1 --save '' --dir ${folder}`,
    );

    const server = await findRedis({ env, port, log });

    expect(server.source).toBe('Docker');
    await server.stop();
    expect(lines).toEqual([]);
  }, 60_000);

  it('installs the package, and says so, where Docker starts none', async () => {
    await addDocker('echo "no such image" >&2; exit 125');
    await addApt(`/bin/ln -s ${REDIS} ${folder}/redis-server`);

    const server = await findRedis({ env, port, log });

    expect(server.source).toBe(join(folder, 'redis-server'));
    await server.stop();
    expect(lines).toEqual([
      `Redis in Docker passed over: ${join(folder, 'docker')} ended with 125: no such image`,
      'No Redis found: installing the package redis-server with apt-get.',
    ]);
    expect(await readFile(join(folder, 'apt.log'), 'utf8')).toBe('update\ninstall -y redis-server\n');
  }, 60_000);

  it('fails with the command for this system where the package cannot be installed', async () => {
    await addApt('{ echo "held broken packages" >&2; exit 100; }');

    await expect(findRedis({ env, port, log })).rejects.toThrow('Install one (apt-get install -y redis-server), or');

    expect(lines[1]).toMatch(/^Redis from the package passed over: apt-get install -y redis-server failed: .*held/);
  }, 60_000);

  it('fails with the command for this system where no package manager may be asked', async () => {
    await addProgram('dnf', 'exit 0');

    await expect(findRedis({ env, port, log })).rejects.toThrow('Install one (dnf install -y redis), or');
    expect(lines).toEqual([]);
  }, 60_000);
});
