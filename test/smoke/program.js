import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis } from '../support/servers/redis.js';
import { run } from './command.js';

const NOBODY = 'redis://127.0.0.1:1';

/** Runs the installed program as its user does. */
const npx = (folder, ...args) => run('npx', ['--no-install', 'nestjs-tasks', ...args], folder);

/** Checks the program where no driver is installed. */
export async function checkProgram(report, name, folder) {
  const { version } = createRequire(join(folder, 'package.json'))('nestjs-tasks/package.json');

  await report.check(`${name}: cli prints its version and its help`, async () => {
    assert.deepEqual(await npx(folder, '--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
    const { code, stdout, stderr } = await npx(folder, '--help');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^Usage: nestjs-tasks/);
  });

  for (const [url, packages] of [
    [NOBODY, 'bullmq ioredis'],
    ['postgres://127.0.0.1:1/none', 'bullmq pg'],
  ]) {
    await report.check(`${name}: cli says what to install for ${url}`, async () => {
      const { code, stdout, stderr } = await npx(folder, 'stats', '--url', url);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.match(stderr, new RegExp(`^error: .* npm install ${packages}\\.`));
    });
  }
}

/** Checks the program with a server that is not there, and with one that is. */
export async function checkProgramWithRedis(report, name, folder) {
  await report.check(`${name}: cli names a server that does not answer`, async () => {
    const { code, stdout, stderr } = await npx(folder, 'stats', '--json', '--url', NOBODY);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, /^error: Cannot reach Redis at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  });

  await report.check(`${name}: cli adds, counts and cancels on Redis`, async () => {
    const { url, stop } = await findRedis();
    const prefix = `smoke_${randomUUID()}`;
    const call = (...args) => npx(folder, ...args, '--json', '--url', url, '--prefix', prefix);
    try {
      const added = await call('trace', 'installed');
      assert.deepEqual({ code: added.code, stderr: added.stderr }, { code: 0, stderr: '' });
      const { code, stdout, stderr } = await call('stats');
      assert.deepEqual(
        { code, stderr, waiting: JSON.parse(stdout).total.waiting },
        { code: 0, stderr: '', waiting: 1 },
      );
      const { key } = JSON.parse(added.stdout).execution;
      assert.equal((await call('cancel', key)).code, 0);
      assert.equal((await call('cancel', key)).code, 1);
    } finally {
      await removeKeys(url, prefix);
      await stop();
    }
  });
}

async function removeKeys(url, prefix) {
  const redis = new Redis(url);
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
  await redis.quit();
}
